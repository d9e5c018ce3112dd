// Calling an operation of the sandbox from its page. The private key is made here and is not
// extractable: no script, this one included, can read it, only have it sign. It lives as long as the
// page. The access token is bound to it (RFC 9449), so it is worth nothing to whoever sees it.

const form = document.getElementById("try-it");
const part = (name) => document.getElementById(`try-${name}`);
const octets = (text) => new TextEncoder().encode(text);
const b64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const digest = async (text) => b64url(await crypto.subtle.digest("SHA-256", octets(text)));
const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

let key; // the pair, its public half as a JWK, and its thumbprint
const tokens = new Map(); // by application

async function ownKey() {
  if (!key) {
    const pair = await crypto.subtle.generateKey(ES256, false, ["sign", "verify"]);
    const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const jwk = { crv, kty, x, y }; // the order of RFC 7638 section 3.2
    key = { pair, jwk, thumbprint: await digest(JSON.stringify(jwk)) };
  }
  return key;
}

async function ask(address, asked) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ form_token: form.dataset.formToken, ...asked }),
  });
  const told = await answer.json();
  if (!answer.ok) throw { problem: told };
  return told;
}

// The platform's clock decides how old a proof is, and this machine's may be wrong.
let ahead = 0;
const now = () => Math.round(Date.now() / 1000) - ahead;

function remember(application, token) {
  if (token.issued_at_s) ahead = Math.round(Date.now() / 1000) - token.issued_at_s;
  const ends = performance.now() + (token.expires_in - 30) * 1000;
  tokens.set(application, { text: token.access_token, ends });
}

async function tokenFor(application) {
  const known = tokens.get(application);
  if (!known || performance.now() > known.ends) {
    const { thumbprint } = await ownKey();
    const asked = { application, product: form.dataset.product, thumbprint };
    remember(application, await ask("/try/tokens", asked));
  }
  return tokens.get(application).text;
}

const fresh = () => b64url(crypto.getRandomValues(new Uint8Array(32)));

// A JWT by the page's key (RFC 7515).
async function sign(header, claims) {
  const { pair } = await ownKey();
  const parts = [{ alg: "ES256", ...header }, { jti: fresh(), iat: now(), ...claims }];
  const signed = parts.map((each) => b64url(octets(JSON.stringify(each)))).join(".");
  const signature = await crypto.subtle.sign(ES256, pair.privateKey, octets(signed));
  return `${signed}.${b64url(signature)}`;
}

// RFC 9449 section 4.2
async function proofOf(htm, htu, more) {
  const { jwk } = await ownKey();
  return sign({ typ: "dpop+jwt", jwk }, { htm, htu, ...more });
}

function typed() {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of form.querySelectorAll("[data-where]")) {
    const { where, name } = field.dataset;
    if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(field.value));
    else if (field.value && where === "query") query.append(name, field.value);
    else if (field.value) headers[name] = field.value;
  }
  const body = part("body")?.value ?? "";
  if (body) headers["content-type"] = part("body").dataset.media;
  const asked = String(query);
  return { path, target: form.dataset.prefix + path + (asked && `?${asked}`), headers, body };
}

async function send() {
  const { path, target, headers, body } = typed();
  const token = await tokenFor(part("application").value);
  const { product, operation, method, base } = form.dataset;
  const proof = await proofOf(method, base + path, { ath: await digest(token) });
  return ask("/try/calls", { product, operation, target, headers, body, token, proof });
}

const say = (name, text) => (part(name).textContent = text);
const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const sentence = (problem) => (language === "zh" && problem.title_zh) || problem.title;

function refusalIn(answer) {
  if (answer.status < 400 || !answer.body) return "";
  try {
    return sentence(JSON.parse(answer.body)) ?? "";
  } catch {
    return "";
  }
}

function show(answer) {
  const good = answer.status < 400;
  say("status", answer.status);
  part("status").className = `badge ${good ? "badge-river" : "badge-amber"}`;
  say("duration", `${answer.duration_ms} ms`);
  const refusal = refusalIn(answer);
  say("title-of-refusal", refusal);
  part("title-of-refusal").hidden = !refusal;
  part("cut").hidden = !answer.cut;
  part("bytes").hidden = answer.body !== null;
  part("body-shown").hidden = !answer.body;
  say("answer-body", answer.body ?? "");
  say("interaction", answer.interaction_id ?? "");
  say("receipt", answer.receipt ?? "");
  for (const name of ["interaction", "receipt"]) {
    part(name).parentElement.hidden = !part(name).textContent;
    part(name).parentElement.previousElementSibling.hidden = !part(name).textContent;
  }
  say("headers", answer.headers.map(([name, value]) => `${name}: ${value}`).join("\n"));
  say("curl", answer.curl);
  part("answer").hidden = false;
  part("answer").scrollIntoView({ block: "nearest" });
}

function explain(fault) {
  const { problem, server } = fault;
  let text = form.dataset.lost;
  if (server) {
    const { error, error_description, parameters = {} } = server;
    text = [error, error_description, parameters.pointer, parameters.why].filter(Boolean).join(": ");
  }
  if (problem) {
    const { why, why_zh } = problem.parameters ?? {};
    const reason = (language === "zh" && why_zh) || why;
    text = problem.code === "page_expired" ? form.dataset.ended : sentence(problem);
    if (reason) text += ` (${reason})`;
  }
  part("fault").querySelector("span").textContent = text;
  part("fault").hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  part("busy").hidden = false;
  part("fault").hidden = part("answer").hidden = true;
  try {
    show(await send());
  } catch (fault) {
    explain(fault);
  } finally {
    button.disabled = false;
    part("busy").hidden = true;
  }
});
form.hidden = false;
