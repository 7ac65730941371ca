"""The route of assets: the one list that resolver, stacks and tests read."""

from stamkunde.shared.routing import Auth, Route

ROUTES = (Route("GET", "/assets/{file_name}", "show_asset", Auth.NONE, writes=False),)
