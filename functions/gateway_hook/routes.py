"""The routes that gateways call: the one list that resolver, stacks and tests read."""

from stamkunde.shared.routing import Auth, Route

ROUTES = (Route("POST", "/hooks/gatewayapi", "take_report", Auth.GATEWAY, writes=True),)
