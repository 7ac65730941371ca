"""The member page's routes: the one list that resolver, stacks and tests read."""

from stamkunde.shared.routing import Auth, Route

ROUTES = (
    Route("GET", "/m/{slug}", "show_card", Auth.DEVICE, writes=False),
    Route("POST", "/m/{slug}", "ask_code", Auth.NONE, writes=True),
    Route("GET", "/m/{slug}/code", "show_code", Auth.NONE, writes=False),
    Route("POST", "/m/{slug}/code", "open_card", Auth.NONE, writes=True),
    Route("POST", "/m/{slug}/code/again", "ask_code_again", Auth.NONE, writes=True),
    Route("GET", "/m/{slug}/history", "show_history", Auth.DEVICE, writes=False),
    Route("POST", "/m/{slug}/permissions", "change_permission", Auth.DEVICE, writes=True),
    Route("POST", "/m/{slug}/devices", "remove_devices", Auth.DEVICE, writes=True),
    Route("POST", "/m/{slug}/terms", "accept_terms", Auth.DEVICE, writes=True),
    Route("POST", "/m/{slug}/permissions/stop", "stop_everything", Auth.DEVICE, writes=True),
    Route("GET", "/m/{slug}/details", "show_details", Auth.DEVICE, writes=False),
    Route("POST", "/m/{slug}/details", "save_details", Auth.DEVICE, writes=True),
    Route("POST", "/m/{slug}/details/email", "ask_email_again", Auth.DEVICE, writes=True),
    Route("GET", "/m/{slug}/number", "show_number", Auth.DEVICE, writes=False),
    Route("POST", "/m/{slug}/number", "ask_number_codes", Auth.DEVICE, writes=True),
    Route("GET", "/m/{slug}/number/codes", "show_number_codes", Auth.DEVICE, writes=False),
    Route("POST", "/m/{slug}/number/codes", "change_number", Auth.DEVICE, writes=True),
    Route("POST", "/m/{slug}/number/codes/again", "ask_number_codes_again", Auth.DEVICE, writes=True),
    Route("GET", "/m/{slug}/data", "show_data", Auth.DEVICE, writes=False),
    Route("GET", "/m/{slug}/data.json", "download_data", Auth.DEVICE, writes=False),
    Route("GET", "/m/{slug}/delete", "show_erasing", Auth.DEVICE, writes=False),
    Route("POST", "/m/{slug}/delete", "ask_erasure", Auth.DEVICE, writes=True),
    Route("POST", "/m/{slug}/keep", "undo_erasure", Auth.DEVICE, writes=True),
)
