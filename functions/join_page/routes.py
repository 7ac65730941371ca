"""The join page's routes: the one list that resolver, stacks and tests read."""

from stamkunde.shared.routing import Auth, Route

ROUTES = (
    Route("GET", "/{slug}", "lead_to_join", Auth.NONE, writes=False),
    Route("GET", "/{slug}/join", "show_join", Auth.NONE, writes=False),
    Route("POST", "/{slug}/join", "ask_code", Auth.NONE, writes=True),
    Route("GET", "/{slug}/join/code", "show_code", Auth.NONE, writes=False),
    Route("POST", "/{slug}/join/code", "join", Auth.NONE, writes=True),
    Route("POST", "/{slug}/join/code/again", "ask_code_again", Auth.NONE, writes=True),
    Route("GET", "/{slug}/join/done", "show_done", Auth.NONE, writes=False),
    Route("GET", "/{slug}/terms", "show_terms", Auth.NONE, writes=False),
    Route("GET", "/{slug}/terms/changes", "show_terms_changes", Auth.NONE, writes=False),
    Route("GET", "/{slug}/sign-up-form", "show_sign_up_form", Auth.NONE, writes=False),
    Route("GET", "/{slug}/look.css", "show_look", Auth.NONE, writes=False),
    Route("GET", "/l/{token}", "show_link", Auth.LINK_TOKEN, writes=False),
    Route("POST", "/l/{token}", "act_on_link", Auth.LINK_TOKEN, writes=True),
    Route("GET", "/u/{token}", "show_unsubscribe", Auth.LINK_TOKEN, writes=False),
    Route("POST", "/u/{token}", "unsubscribe", Auth.LINK_TOKEN, writes=True),
)
