-- The policy of the benchmark for nginx + Lua, as an author who cares for speed writes it: what
-- follows from a token is computed once and kept in the worker; what all workers must share
-- (withdrawn consents, counters) is in shared dictionaries. Strings that are kept for a token end
-- in what differs between tokens, since LuaJIT hashes only a few bytes of a long string.
local cjson = require "cjson.safe"
local lrucache = require "resty.lrucache"
local base64 = require "ngx.base64"
local jwt = require "jwt"

local find, format, match, sub = string.find, string.format, string.match, string.sub
local revoked, counters = ngx.shared.revoked, ngx.shared.counters

local tokens = assert(lrucache.new(200000))      -- token bytes -> what follows from it
local thumbprints = assert(lrucache.new(20000))  -- connection -> thumbprint of its certificate
local facts                                      -- what weir publishes to its gateways
local policy = {}

-- Read the same documents that weir's gateway was given.
function policy.load(path)
  local file = assert(io.open(path))
  facts = assert(cjson.decode(file:read("*a")))
  file:close()
  for _, consent in ipairs(facts.revoked) do assert(revoked:set(consent, true)) end
  for _, product in pairs(facts.products) do
    for _, operation in ipairs(product.operations) do
      -- "/accounts/{account_id}/balances" as a Lua pattern with one capture a parameter
      local pattern = operation.path:gsub("[%-%.]", "%%%0"):gsub("{[^/}]+}", "([^/]+)")
      operation.pattern = "^" .. pattern .. "$"
      operation.template = product.prefix .. operation.path
      operation.member_slug = facts.organisations[operation.member].slug
    end
  end
end

-- Interaction id: the caller's if it is a UUID, else a new one (version 4 in form).
local function interaction_id(var)
  local given = var.http_x_fapi_interaction_id
  if given and #given == 36 and find(given,
      "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$") then
    return given
  end
  local id = var.request_id
  return sub(id, 1, 8) .. "-" .. sub(id, 9, 12) .. "-4" .. sub(id, 14, 16) .. "-a" ..
    sub(id, 18, 20) .. "-" .. sub(id, 21, 32)
end

-- The certificate of the connection, hashed once (RFC 8705 section 3.1).
local function thumbprint(var)
  local connection = var.connection
  local known = thumbprints:get(connection)
  if not known then
    known = jwt.thumbprint(var.ssl_client_raw_cert)
    thumbprints:set(connection, known)
  end
  return known
end

-- First use of a token: signature, issuer, audience; then all that follows from it.
local function learn(raw)
  local claims = jwt.verify(raw, facts.keys)
  if not claims or claims.iss ~= facts.issuer or claims.aud ~= facts.audience then return nil end
  local scopes = {}
  for scope in claims.scope:gmatch("%S+") do scopes[scope] = true end
  local accounts = {}
  for _, detail in ipairs(claims.authorization_details or {}) do
    for _, account in ipairs(detail.accounts) do accounts[#accounts + 1] = account end
    detail.permitted, detail.covered = {}, {}
    for _, permission in ipairs(detail.permissions) do detail.permitted[permission] = true end
    for _, account in ipairs(detail.accounts) do detail.covered[account] = true end
  end
  -- The identity up to what differs most, filled up to whole groups of three bytes, encoded.
  local told = sub(cjson.encode({
    client_id = claims.client_id, organisation = claims.org,
    accounts = claims.grant_id and accounts or cjson.null,
  }), 1, -2) .. ',"consent_id":'
  told = told .. string.rep(" ", -#told % 3)
  local known = {
    client_id = claims.client_id, organisation = claims.org, expires = claims.exp,
    thumbprint = claims.cnf["x5t#S256"], scopes = scopes, consent = claims.grant_id,
    details = claims.authorization_details or {}, rights = {},
    identity = base64.encode_base64url(told),
    consent_json = claims.grant_id and '"' .. claims.grant_id .. '"' or "null",
  }
  tokens:set(raw, known)
  return known
end

local function route(method, path)
  local prefix, rest = match(path, "^(/[^/]+/[^/]+/[^/]+)(/.*)$")
  local product = prefix and facts.products[prefix]
  if not product then return nil end
  for _, operation in ipairs(product.operations) do
    if operation.method == method then
      local first = match(rest, operation.pattern)
      if first then return product, operation, rest, first end
    end
  end
end

-- Subscription, scope and the record's parties: once a token and operation.
local function right_to(known, product, operation)
  if not known.scopes[product.scope] then return nil end
  local subscription = facts.subscriptions[known.client_id .. " " .. product.id]
  if not subscription then return nil end
  local right = {
    subscription = subscription, rate = subscription.rate_per_s, quota = subscription.quota,
    parties = format('"application":"%s","organisation":"%s","product":"%s","capability":"%s",' ..
      '"member":"%s","path":"%s","subscription":"%s","plan":"%s",%s', known.client_id,
      known.organisation, product.id, operation.capability, operation.member,
      operation.template, subscription.id, subscription.plan,
      known.consent and format('"consent":"%s",', known.consent) or ""),
  }
  known.rights[operation] = right
  return right
end

-- The customer's consent: not withdrawn, of this kind, permission, account, and not expired.
local function consented(known, operation, account, now)
  if known.consent and revoked:get(known.consent) then return false end
  if not operation.consent_type then return true end
  for _, detail in ipairs(known.details) do
    if detail.type == operation.consent_type and detail.member == operation.member_slug
        and detail.permitted[operation.permission] and detail.covered[account] then
      if not detail.expires_s then detail.expires_s = jwt.unix_time(detail.expires_at) end
      if detail.expires_s > now then return true end
    end
  end
  return false
end

-- Rate a second and quota a month, counted for all workers.
local function within_limits(right, now)
  local name = right.subscription.id
  if right.rate and counters:incr(name .. ":" .. now, 1, 0, 2) > right.rate then return false end
  if right.quota then
    local month = sub(ngx.utctime(), 1, 7)
    if counters:incr(name .. ":" .. month, 1, 0) > right.quota then return false end
  end
  return true
end

function policy.access()
  local var, now = ngx.var, ngx.time()
  local id = interaction_id(var)
  var.interaction_id = id
  -- identify: the token, known by its bytes; its expiry; the certificate it is bound to
  local authorization = var.http_authorization
  if not authorization or sub(authorization, 1, 7):lower() ~= "bearer " then return ngx.exit(401) end
  local raw = sub(authorization, 8)
  local known = tokens:get(raw) or learn(raw)
  if not known or known.expires <= now then return ngx.exit(401) end
  if thumbprint(var) ~= known.thumbprint then return ngx.exit(401) end
  -- ... its application and organisation
  local application = facts.applications[known.client_id]
  if not application or application.status ~= "active" or
      facts.organisations[application.organisation].status ~= "active" then
    return ngx.exit(403)
  end
  -- route
  local product, operation, rest, account = route(var.request_method, var.uri)
  if not product then return ngx.exit(404) end
  if facts.organisations[operation.member].status ~= "active" then return ngx.exit(403) end
  -- authorize
  local right = known.rights[operation] or right_to(known, product, operation)
  if not right or not consented(known, operation, account, now) then return ngx.exit(403) end
  -- limit
  if not within_limits(right, now) then return ngx.exit(429) end
  -- forward
  var.parties = right.parties
  var.member_path = operation.base_path .. rest
  var.identity = known.identity .. base64.encode_base64url(
    known.consent_json .. ',"interaction_id":"' .. id .. '"}')
end

return policy
