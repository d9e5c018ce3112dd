-- ES256 (RFC 7518 section 3.4) and SHA-256 by the libcrypto that nginx is linked with; Debian has
-- no lua-resty-openssl.
local ffi = require "ffi"
local cjson = require "cjson.safe"
local base64 = require "ngx.base64"

ffi.cdef [[
  void *BIO_new_mem_buf(const void *buf, int len);
  int BIO_free(void *bio);
  void *PEM_read_bio_PUBKEY(void *bio, void *x, void *cb, void *u);
  const void *EVP_sha256(void);
  void *EVP_MD_CTX_new(void);
  void EVP_MD_CTX_free(void *ctx);
  int EVP_DigestVerifyInit(void *ctx, void *pctx, const void *type, void *e, void *key);
  int EVP_DigestVerify(void *ctx, const char *sig, size_t siglen, const char *tbs, size_t tbslen);
  unsigned char *SHA256(const char *d, size_t n, unsigned char *md);
]]
local C = ffi.C
local read_keys = {}  -- PEM -> EVP_PKEY, kept as long as the worker lives
local jwt = {}

local function public_key(pem)
  local key = read_keys[pem]
  if not key then
    local bio = C.BIO_new_mem_buf(pem, #pem)
    key = C.PEM_read_bio_PUBKEY(bio, nil, nil, nil)
    C.BIO_free(bio)
    read_keys[pem] = key
  end
  return key
end

-- One half of a signature as a DER INTEGER.
local function integer(bytes)
  bytes = bytes:gsub("^%z+", "")
  if bytes == "" or bytes:byte() >= 128 then bytes = "\0" .. bytes end
  return "\2" .. string.char(#bytes) .. bytes
end

-- `raw` begins with the `count` bytes that are signed; they are not cut out, since LuaJIT hashes few
-- bytes of a long string and would find thousands alike.
local function signature_holds(key, raw, count, signature)
  if #signature ~= 64 then return false end
  local body = integer(signature:sub(1, 32)) .. integer(signature:sub(33))
  local der = "\48" .. string.char(#body) .. body
  local context = C.EVP_MD_CTX_new()
  local holds = C.EVP_DigestVerifyInit(context, nil, C.EVP_sha256(), nil, key) == 1
    and C.EVP_DigestVerify(context, der, #der, raw, count) == 1
  C.EVP_MD_CTX_free(context)
  return holds
end

-- The claims of an access token (RFC 9068) that is signed with one of `keys` (kid -> PEM).
function jwt.verify(raw, keys)
  local head, body, signature = raw:match("^([%w_%-]+)%.([%w_%-]+)%.([%w_%-]+)$")
  if not head then return nil end
  local header = cjson.decode(base64.decode_base64url(head) or "")
  if not header or header.alg ~= "ES256" or header.typ ~= "at+jwt" or not keys[header.kid] then
    return nil
  end
  signature = base64.decode_base64url(signature)
  local key, count = public_key(keys[header.kid]), #head + 1 + #body
  if not signature or not signature_holds(key, raw, count, signature) then return nil end
  return cjson.decode(base64.decode_base64url(body) or "")
end

-- x5t#S256 of a certificate in PEM (RFC 8705 section 3.1).
function jwt.thumbprint(pem)
  local der = ngx.decode_base64((pem:gsub("%-%-%-%-%-[^-]+%-%-%-%-%-", ""):gsub("%s", "")))
  local digest = ffi.new("unsigned char[32]")
  C.SHA256(der, #der, digest)
  return base64.encode_base64url(ffi.string(digest, 32))
end

-- Unix time of an RFC 3339 time in UTC, by counting days from March (no leap day within a year).
function jwt.unix_time(text)
  local year, month, day, hour, minute, second = text:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  if month + 0 <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

return jwt
