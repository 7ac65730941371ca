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
)
