"""Declarations of the portal; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.kernel.declarations import Bound
from weir.kernel.declares import REQUESTS_EXCEEDED

# --- Limits ---
# Rates of one control process (kernel/rates.py)
FORMS_A_SECOND: Final = 20  # sent from one network
FORMS_AT_ONCE: Final = 400

PAGES_A_SECOND: Final = 50  # read by one network
PAGES_AT_ONCE: Final = 2_000

# OpenAPI documents
EXPIRED_FORM_BYTES: Final = 1024 * 1024  # of a form whose session has ended, shown once more

# Authorization (FAPI 2.0 Security Profile section 5.3)
ACCOUNT_NAMES_S: Final = 1.5  # for a member to name the accounts of a consent that is looked at

# The reference of an operation
CALCULATOR_CALLS: Final = 1_000_000_000  # a month that a price is worked out for

# Trying an operation out, from its page
TRIAL_BODY_BYTES: Final = 65_536  # of the request that is tried
TRIAL_REQUEST_BYTES: Final = 196_608  # of what the page sends, that body in it
TRIAL_ANSWER_BYTES: Final = 262_144  # of the answer that is shown; the rest is not read
TRIAL_HEADERS: Final = 20  # that the page may set
TRIAL_CALLS: Final = 16  # under way in one process
TRIAL_CALLS_EACH: Final = 4  # and of one person
TRIAL_TIMEOUT_S: Final = 40  # a member has MEMBER_ANSWER_TIMEOUT_S of it

# --- Bounds of inputs ---
BOUNDS: Final = {
    "pages read by one network": Bound(
        (
            "PAGES_A_SECOND",
            "PAGES_AT_ONCE",
        ),
        "a page drawn, some rows read; for a passkey, a challenge in the cache",
        REQUESTS_EXCEEDED,
        "test_a_network_reads_so_many_pages_and_others_go_on",
    ),
    "forms sent from one network": Bound(
        (
            "FORMS_A_SECOND",
            "FORMS_AT_ONCE",
        ),
        "a unit of work each",
        REQUESTS_EXCEEDED,
        "test_forms_of_one_network_are_refused_beyond_their_rate_and_others_are_not",
    ),
}

# --- Features with pages: folders of the portal, each with `routes.py` ---
PAGES: Final = (
    "sign_in",
    "consents",
    "shelf",
    "trials",
    "desk",
    "parties",
    "products",
    "money",
    "records",
)
