"""The routes of what anybody may have and the front door keeps: the one list that resolver, stacks and tests read."""

from stamkunde.shared.routing import Auth, Route

ROUTES = (
    Route("GET", "/assets/{file_name}", "show_asset", Auth.NONE, writes=False),
    Route("GET", "/openapi.json", "show_openapi", Auth.NONE, writes=False),
    Route("GET", "/docs", "show_docs", Auth.NONE, writes=False),
)
