"""Every bound of the platform, with its unit. A bound that is not here does not exist.

Settings may tighten some of them; nothing may exceed them. docs/reference/limits.md repeats them.
"""

from __future__ import annotations

from typing import Final

# HTTP messages from callers (RFC 9112)
REQUEST_LINE_BYTES: Final = 8_192
HEADER_SECTION_BYTES: Final = 32_768
HEADER_FIELDS: Final = 100
BODY_BYTES: Final = 10 * 1024 * 1024
BOUND_BODY_BYTES: Final = 65_536  # bodies the gateway must read to check a consent
CONTROL_BODY_BYTES: Final = 16 * 1024 * 1024  # requests passed through to control
HEADER_TIMEOUT_S: Final = 10
BODY_TIMEOUT_S: Final = 60
IDLE_TIMEOUT_S: Final = 75
MEMBER_CONNECT_TIMEOUT_S: Final = 5
MEMBER_ANSWER_TIMEOUT_S: Final = 30
CALL_S: Final = 300  # a forwarded call is over by then, however slowly either side goes on
MONEY_CALL_S: Final = 60  # a forwarded call that moves money is over by then, answered or not
MEMBER_POOL_OPENING: Final = 16  # of them made at a time; who comes meanwhile waits for any
MEMBER_POOL_WAITING: Final = 4_096  # calls that wait for a connection to one endpoint
MEMBER_POOL_CONNECTIONS: Final = 256  # kept open to one endpoint by one gateway process

# Calls in one gateway process
CALLS_IN_FLIGHT: Final = 16_384  # of all applications, admitted and not yet answered whole
APPLICATION_CALLS_IN_FLIGHT: Final = 4_096  # of one of them
FAULT_LINES_A_SECOND: Final = 20  # in the log; further faults are counted in one line

# Members' endpoints
MEMBER_BACKENDS: Final = 100  # registered by one organisation
MEMBER_ENDPOINTS: Final = 16  # of one service
ENDPOINT_FAILURES: Final = 5  # in a row, after which an endpoint is ejected
ENDPOINT_EJECTION_S: Final = 10  # at first; twice as long each time in a row
ENDPOINT_EJECTION_MAX_S: Final = 300
HEALTH_INTERVAL_S: Final = 5  # between two checks of an endpoint in use
HEALTH_TIMEOUT_S: Final = 2
HEALTH_FAILURES: Final = 3  # checks in a row, after which an endpoint is ejected
REQUEST_TRIES: Final = 3  # of one request in all
RETRY_WINDOW_S: Final = 5
RETRY_PERCENT: Final = 20  # of a window's requests to one service that may be sent again
RETRIES_MIN: Final = 10  # that may be sent again in a window, however few requests there were
DNS_REFRESH_S: Final = 30  # how old the addresses of an endpoint's name may be

# JSON from outside
JSON_DEPTH: Final = 32
JSON_BYTES: Final = 1024 * 1024

# OpenAPI documents
DOCUMENT_BYTES: Final = 8 * 1024 * 1024
EXPIRED_FORM_BYTES: Final = 1024 * 1024  # of a form whose session has ended, shown once more
DOCUMENT_DEPTH: Final = 200
DOCUMENT_NODES: Final = 200_000  # after YAML aliases are expanded
DOCUMENT_OPERATIONS: Final = 10_000
DOCUMENT_NAME_CHARACTERS: Final = 1_024  # of a member's name, a path, an operation's id
DOCUMENT_REFERENCE_HOPS: Final = 10  # references that lead to references
STANDARD_STEPS: Final = 1_000_000  # schemas looked at when one document is held to the standard
STANDARD_PLACES: Final = 1_000  # named for one rule of the standard; more are not looked for
STANDARD_FINDINGS: Final = 10_000  # of one document, or of one comparison

# Authorization (FAPI 2.0 Security Profile section 5.3)
ACCESS_TOKEN_LIFETIME_S: Final = 300
ACCESS_TOKEN_CHARACTERS: Final = 16_384
AUTHORIZATION_CODE_LIFETIME_S: Final = 60
PUSHED_REQUEST_LIFETIME_S: Final = 300  # must stay under 600
INTERACTION_LIFETIME_S: Final = 900
SESSION_LIFETIME_S: Final = 3_600
CLIENT_ASSERTION_LIFETIME_S: Final = 300
CLOCK_AHEAD_ACCEPTED_S: Final = 10
CONSENT_LIFETIME_DAYS: Final = 365
ONE_TIME_LINK_LIFETIME_S: Final = 86_400
PASSPHRASE_CHARACTERS_MIN: Final = 12
PASSPHRASE_CHARACTERS_MAX: Final = 256
STAFF_SESSION_LIFETIME_S: Final = 43_200  # of people who work here, however busy they are
STAFF_SESSION_IDLE_S: Final = 1_800
HALF_OPEN_SESSION_S: Final = 900  # within which the second factor is given
FRESH_PROOF_S: Final = 600  # how long a proof of identity counts for what is dangerous
SECOND_FACTOR_ATTEMPTS: Final = 10  # of one person from one address in its window
SECOND_FACTOR_WINDOW_S: Final = 3_600
SECOND_FACTOR_ATTEMPTS_A_DAY: Final = 100  # of one person from everywhere; passkeys not counted
SECOND_FACTOR_DAY_S: Final = 86_400
RECOVERY_CODES: Final = 10
PASSKEYS: Final = 10  # of one person
PASSKEY_ANSWER_CHARACTERS: Final = 16_384
CHALLENGE_LIFETIME_S: Final = 300  # of a passkey ceremony
PEOPLE: Final = 500  # who work for one organisation
INVITATIONS: Final = 100  # open at once in one organisation
SIGN_UPS: Final = 10  # of organisations, from one address in SIGN_UP_WINDOW_S
SIGN_UP_WINDOW_S: Final = 3_600
SIGN_IN_ATTEMPTS: Final = 10  # for one name from one address in SIGN_IN_WINDOW_S
SIGN_IN_WINDOW_S: Final = 300
PASSPHRASE_HASHES_AT_ONCE: Final = 2  # argon2id takes 64 MiB each
PAYMENT_CONSENT_LIFETIME_S: Final = 3_600  # from the customer's yes until it must have been used
INTERACTION_MEMORY_S: Final = 7_200  # how long an ended visit still knows the way back
AUTHORIZATION_FORM_BYTES: Final = 65_536
AUTHORIZATION_PARAMETERS: Final = 40
CLIENT_ASSERTION_CHARACTERS: Final = 8_192
JTI_CHARACTERS: Final = 256
REQUEST_OBJECT_CHARACTERS: Final = 65_536
REQUEST_OBJECT_LIFETIME_S: Final = 3_600  # and how old it may be, FAPI 2.0 Message Signing
RESPONSE_JWT_LIFETIME_S: Final = 300
BACKCHANNEL_LIFETIME_S: Final = 300  # of a question, unless requested_expiry says otherwise
BACKCHANNEL_LIFETIME_MAX_S: Final = 900  # must not exceed INTERACTION_LIFETIME_S
BACKCHANNEL_ANSWER_KEPT_S: Final = 300  # how long after the customer's answer it is collected
BACKCHANNEL_MEMORY_S: Final = 86_400
BACKCHANNEL_INTERVAL_S: Final = 5  # between two polls, CIBA Core section 7.3
BACKCHANNEL_INTERVAL_MAX_S: Final = 60
BACKCHANNEL_WAITING_OF_HINT: Final = 2  # questions of one client to one hint, unanswered
BACKCHANNEL_HOURLY_OF_HINT: Final = 10  # and in an hour, answered or not
BACKCHANNEL_WAITING_OF_CLIENT: Final = 10_000
BACKCHANNEL_WAITING_OF_CUSTOMER: Final = 10  # shown to one customer, whoever asks
BINDING_MESSAGE_CHARACTERS: Final = 64
LOGIN_HINT_CHARACTERS: Final = 64
NOTIFICATION_TOKEN_CHARACTERS_MIN: Final = 22  # 128 bits in base64url, CIBA Core section 7.1
NOTIFICATION_TOKEN_CHARACTERS_MAX: Final = 1_024
PING_TIMEOUT_S: Final = 5
PINGS: Final = 10  # tries to deliver one notification
PING_PAUSE_MAX_S: Final = 60  # between two of them
DPOP_PROOF_CHARACTERS: Final = 4_096
DPOP_PROOF_AGE_S: Final = 60  # RFC 9449 section 11.1
DPOP_NONCE_LIFETIME_S: Final = 300
KNOWN_HEADERS: Final = 4_096  # JWT headers and public keys one process remembers
KNOWN_HEADER_CHARACTERS: Final = 1_024  # a longer one is read each time
CLIENT_KEYS: Final = 20  # keys of one client tried against one assertion
STATE_CHARACTERS: Final = 1_024
NONCE_CHARACTERS: Final = 256
UI_LOCALES_CHARACTERS: Final = 200  # all language tags of a request together
ID_TOKEN_LIFETIME_S: Final = 300
CLAIMS_PARAMETER_CHARACTERS: Final = 8_192
CLAIMS_ASKED: Final = 50  # in one place, and values of one claim
LODGED_CONSENT_LIFETIME_S: Final = 86_400  # from its lodging until the customer must have answered
PURPOSE_CHARACTERS: Final = 200
DIRECTORY_ANSWER_BYTES: Final = 262_144  # a member's list of one customer's accounts
DIRECTORY_ACCOUNTS: Final = 200
ACCOUNT_NAMES_S: Final = 1.5  # for a member to name the accounts of a consent that is looked at
DIRECTORY_TIMEOUT_S: Final = 5

# Signed messages (RFC 9421)
SIGNATURE_INPUT_CHARACTERS: Final = 2_048
SIGNATURE_CHARACTERS: Final = 2_048
SIGNATURE_AGE_S: Final = 60
SIGNED_BODY_BYTES: Final = 1024 * 1024  # a signed request's body, and a signed answer's, held whole

# Gateway processes
PROCESS_LEASE_S: Final = 3  # a gateway that cannot hear stops serving consented calls after this
LEASE_RENEWAL_S: Final = 1
REVOCATION_WAIT_S: Final = 6  # how long a withdrawal waits for every gateway's word
KNOWN_TOKENS: Final = 200_000  # tokens one gateway process remembers by their bytes

# Dynamic registration and keys at jwks_uri (authorization/front/registration.py, remote_keys.py)
DYNAMIC_APPLICATIONS: Final = 50  # of one organisation
SOFTWARE_STATEMENT_CHARACTERS: Final = 16_384
SOFTWARE_STATEMENT_LIFETIME_S: Final = 86_400
REGISTRATION_BYTES: Final = 65_536
REGISTRATION_REQUESTS: Final = 30  # from one address in REGISTRATION_WINDOW_S
REGISTRATION_WINDOW_S: Final = 60
JWKS_BYTES: Final = 65_536
JWKS_TIMEOUT_S: Final = 3
JWKS_FETCHED_S: Final = 300  # after which keys are fetched again
JWKS_REFRESH_S: Final = 30  # not fetched again sooner, whatever kid is asked for
JWKS_STALE_S: Final = 3_600  # how old keys may be when they cannot be fetched again
JWKS_SETS: Final = 1_000  # kept by one process
JWKS_FETCHES: Final = 8  # at a time by one process

# Keys and algorithms of our own (keys/signing_keys.py)
CHANGE_ANNOUNCED_S: Final = 600  # twice as long as a JWKS or the metadata may be cached
KEY_ANNOUNCED_DAYS: Final = 7  # by which the next key is announced before it signs
SIGNED_LIFETIME_S: Final = 300  # the longest life of anything that is signed with these keys

# Traces of calls
TRACESTATE_CHARACTERS: Final = 512
TRACES_PER_S: Final = 100  # sampled by one gateway process, however many callers wish for it
TRACE_EXPORT_TIMEOUT_S: Final = 5

# Call records
SEGMENT_RECORDS: Final = 50_000
SEGMENT_AGE_S: Final = 0.5  # a worker seals what is finished at least as often
RECORD_BYTES: Final = 4_096
MERGED_RECORDS: Final = 1_000_000  # in one file of the lake that was merged of others
MERGED_SEGMENTS: Final = 10_000  # in one such file, whose metadata holds their seals
MERGE_FILES: Final = 200  # small files of the running hour that are worth merging
MERGE_AFTER_S: Final = 900  # after its end an hour's small files are merged, however few
RECORDS_KEPT_DAYS_MIN: Final = 183  # six months: the least that calls' records may be kept
TRANSACTIONS_KEPT_DAYS_MIN: Final = 366  # a year: the least for calls that asked for a payment
REPLACED_KEPT_S: Final = 3_600  # a file that was merged stays for questions that are reading it
DAY_CLOSES_AFTER_S: Final = 300  # after midnight, UTC: its last segments are in the lake by then
TERMS_BYTES: Final = 3_072  # of a record: who called what; a longer path template is left out
TRAFFIC_ROWS: Final = 1_000  # kinds of calls in one answer, the most frequent ones
TRAFFIC_DAYS: Final = 366  # that one question reads
LABEL_CHARACTERS: Final = 48  # of a scene, a channel, a referrer
RECONCILE_AFTER_S: Final = 120  # longer than any call lasts: its timeouts sum to less
RECONCILE_LOOKBACK_DAYS: Final = 7  # how far before an intent its records are looked for

# Agreements, ledger and statements
PLAN_CHANGES: Final = 100  # versions of one plan's pricing after the first
PLAN_NOTICE_DAYS: Final = 30  # how long subscribers keep a price after its change is announced
AGREEMENT_SHARES: Final = 16
EXCHANGE_RATE_DAYS: Final = 7  # how old a rate may be when debts are converted at it
POSTING_ENTRIES: Final = 64
REFERENCE_CHARACTERS: Final = 300
STATEMENT_BYTES: Final = 64 * 1024 * 1024

# What people write about themselves and their products
NAME_CHARACTERS: Final = 120
PROSE_CHARACTERS: Final = 4_000
REASON_CHARACTERS: Final = 500
URL_CHARACTERS: Final = 2_048
APPLICATION_KEYS: Final = 10  # public keys one application may have at a time
APPLICATION_REVOKED_KEYS: Final = 200  # remembered for good, so that none comes back
APPLICATION_REDIRECT_URIS: Final = 20
APPLICATION_CERTIFICATES: Final = 20  # valid ones at a time
RSA_BITS_MIN: Final = 2_048
RSA_BITS_MAX: Final = 8_192

# Certificates
CLIENT_CERTIFICATE_DAYS: Final = 365
AUTHORITY_CERTIFICATE_DAYS: Final = 3_650
CERTIFICATE_SWEEP_S: Final = 5  # how often renewed files of our own are looked for

# Embedded engines and the processes that `weir up` starts
ENGINE_START_TIMEOUT_S: Final = 120  # recovery after a crash is part of a start
ENGINE_PREPARE_TIMEOUT_S: Final = 120  # making a new, empty database
ENGINE_STOP_TIMEOUT_S: Final = 30  # after which a server is stopped less gently
SOCKET_PATH_BYTES: Final = 100  # the kernel takes 107 (unix(7))
PROCESS_LOG_BYTES: Final = 8 * 1024 * 1024  # a longer log is set aside at the next start

# Closing
WORKER_SLOTS: Final = 64  # workers that can be at jobs at the same time
CLOSING_GRACE_S: Final = 86_400  # after a month's end, until it is closed by itself

# Lists
PAGE_ROWS: Final = 200

# Plans
RATE_CALLS_PER_S: Final = 1_000_000  # the most a plan can say; "unlimited" is a word
QUOTA_CALLS: Final = 1_000_000_000_000

# Products
PRODUCT_CAPABILITIES: Final = 1_000
PRODUCT_PLANS: Final = 100
PLAN_COMPONENTS: Final = 8  # a sum people can still follow
PLAN_TIERS: Final = 20
PRODUCT_SCENES: Final = 6  # that one product says it suits

# The reference of an operation
REFERENCE_DEPTH: Final = 8  # of a schema that is shown opened
REFERENCE_NODES: Final = 1_000  # fields shown of one operation
REFERENCE_KEPT_CHARACTERS: Final = 32 * 1024 * 1024  # of documents, read once for many readers
CALCULATOR_CALLS: Final = 1_000_000_000  # a month that a price is worked out for

# Trying an operation out, from its page
TRIAL_BODY_BYTES: Final = 65_536  # of the request that is tried
TRIAL_REQUEST_BYTES: Final = 196_608  # of what the page sends, that body in it
TRIAL_ANSWER_BYTES: Final = 262_144  # of the answer that is shown; the rest is not read
TRIAL_HEADERS: Final = 20  # that the page may set
TRIAL_CALLS: Final = 16  # under way in one process
TRIAL_CALLS_EACH: Final = 4  # and of one person
TRIAL_KEY_LIFETIME_S: Final = 1_200  # in which a customer is asked, and answers
TRIAL_KEYS_AN_HOUR: Final = 60  # of one application
TEST_CUSTOMERS: Final = 20  # that one member offers
TEST_CUSTOMERS_AN_HOUR: Final = 60  # taken by one organisation, each with a new passphrase
TRIAL_TIMEOUT_S: Final = 40  # a member has MEMBER_ANSWER_TIMEOUT_S of it

# Search over the shelf
SEARCH_CHARACTERS: Final = 100  # of what somebody looks for
SEARCH_TERMS_ASKED: Final = 16  # of that which are looked for
SEARCH_TERMS_INDEXED: Final = 16_000  # by which one product is found
SEARCH_CHOICES: Final = 50  # of one facet
SEARCH_PAGE_ROWS: Final = 20
SEARCH_SIDE_ROWS: Final = 8  # of each direction, where both stand side by side
SEARCH_PAGES: Final = 500
SEARCH_OPERATIONS: Final = 3  # shown of one product that was found

# Starting and stopping roles
ROLE_START_TIMEOUT_S: Final = 60
READINESS_TIMEOUT_S: Final = 1
KNOWN_ADDRESSES: Final = 256  # of DPoP proofs, kept in their one spelling
GATHERED_QUESTIONS: Final = 100  # of several requests, put to an engine together
GATEWAY_DRAIN_S: Final = 10

# The change log
REMOVAL_KEPT_S: Final = 86_400
EXPIRED_AT_ONCE: Final = 10_000
CHANGE_PAGE_ROWS: Final = 200  # changes a gateway reads and applies in one trip
CHANGE_PAGE_BYTES: Final = 262_144  # of documents in one trip, as they are stored
CHANGE_TRIP_TIMEOUT_S: Final = 5  # after which a gateway tries again with a smaller page
CHANGE_SLICE_S: Final = 0.001  # applied between two turns of the event loop
