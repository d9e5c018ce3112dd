-- What Envoy has no filter for. jwt_authn has verified the token by now, so what follows from its
-- bytes is computed once and kept in the worker.
local subscriptions = { @subscriptions@ }  -- application -> {subscription, plan}
local applications = { @applications@ }    -- those that are active
local revoked = { @revoked@ }              -- consents that were withdrawn
local member, consent_type, permission = "@bank@", "@consent_type@", "ReadBalances"
local known, count = {}, 0

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

-- Base64url to hexadecimal, in which Envoy gives a certificate's digest.
local function hexadecimal(text)
  local bits, held, out = 0, 0, {}
  for character in text:gmatch(".") do
    bits, held = bits * 64 + alphabet:find(character, 1, true) - 1, held + 6
    if held >= 8 then
      held = held - 8
      local byte = math.floor(bits / 2 ^ held)
      bits = bits - byte * 2 ^ held
      out[#out + 1] = string.format("%02x", byte)
    end
  end
  return table.concat(out)
end

local function quoted(list)
  local out = {}
  for _, text in ipairs(list) do out[#out + 1] = '"' .. text .. '"' end
  return "[" .. table.concat(out, ",") .. "]"
end

-- Unix time of an RFC 3339 time in UTC; the process runs with TZ=UTC.
local function unix_time(text)
  local year, month, day, hour, minute, second = text:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  return os.time({ year = year, month = month, day = day, hour = hour, min = minute, sec = second })
end

local function learn(handle, raw)
  local claims = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")["jwt"]
  local covered, accounts = {}, {}
  for _, detail in ipairs(claims.authorization_details or {}) do
    if detail.type == consent_type and detail.member == member then
      for _, each in ipairs(detail.permissions) do
        if each == permission then
          local expires = unix_time(detail.expires_at)
          for _, account in ipairs(detail.accounts) do covered[account] = expires end
        end
      end
      for _, account in ipairs(detail.accounts) do accounts[#accounts + 1] = account end
    end
  end
  local one = {
    digest = hexadecimal(claims.cnf["x5t#S256"]), application = applications[claims.client_id],
    subscription = subscriptions[claims.client_id], consent = claims.grant_id, covered = covered,
    identity = '{"client_id":"' .. claims.client_id .. '","organisation":"' .. claims.org ..
      '","consent_id":"' .. claims.grant_id .. '","accounts":' .. quoted(accounts) ..
      ',"interaction_id":"',
  }
  count = count + 1
  if count > 200000 then known, count = {}, 1 end
  known[raw] = one
  return one
end

local function refuse(handle, status)
  handle:respond({ [":status"] = status }, "")
end

function envoy_on_request(handle)
  local headers, info = handle:headers(), handle:streamInfo()
  local raw = headers:get("authorization")
  -- interaction id: the caller's if it is a UUID, else a new one
  local id = headers:get("x-fapi-interaction-id")
  if not (id and #id == 36 and id:find("^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$")) then
    id = headers:get("x-request-id")
    headers:replace("x-fapi-interaction-id", id)
  end
  local one = known[raw] or learn(handle, raw)
  -- the certificate the token is bound to (RFC 8705 section 3)
  if info:downstreamSslConnection():sha256PeerCertificateDigest() ~= one.digest then
    return refuse(handle, "401")
  end
  -- application and subscription
  if not one.application or not one.subscription then return refuse(handle, "403") end
  -- the customer's consent: not withdrawn, of this kind, permission, account, and not expired
  local account = headers:get(":path"):match("^@lua_prefix@/accounts/([^/?]+)/balances")
  local expires = one.covered[account]
  if revoked[one.consent] or not expires or expires <= os.time() then
    return refuse(handle, "403")
  end
  -- for the limits and the record
  local metadata = info:dynamicMetadata()
  metadata:set("policy", "subscription", one.subscription[1])
  metadata:set("policy", "plan", one.subscription[2])
  -- the member learns who calls, and nothing of the caller's credentials
  headers:remove("authorization")
  headers:remove("cookie")
  headers:add("openfinance-identity", handle:base64Escape(one.identity .. id .. '"}'))
end
