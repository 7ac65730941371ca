"""What an opened card answers, by the name of its route."""

from collections.abc import Mapping

from member_page.card import CARD_ENDPOINTS, CardEndpoint
from member_page.own_data import DATA_ENDPOINTS
from member_page.own_details import DETAILS_ENDPOINTS
from member_page.own_number import NUMBER_ENDPOINTS

ENDPOINTS: Mapping[str, CardEndpoint] = {
    **CARD_ENDPOINTS,
    **DETAILS_ENDPOINTS,
    **NUMBER_ENDPOINTS,
    **DATA_ENDPOINTS,
}
