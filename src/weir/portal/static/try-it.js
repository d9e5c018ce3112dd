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

async function tokenFor(application) {
  const known = tokens.get(application);
  if (known && performance.now() < known.ends) return known;
  const { thumbprint } = await ownKey();
  const asked = { application, product: form.dataset.product, thumbprint };
  const told = await ask("/try/tokens", asked);
  const token = {
    text: told.access_token,
    ends: performance.now() + (told.expires_in - 30) * 1000,
    // The platform's clock decides how old a proof is, and this machine's may be wrong.
    ahead: Math.round(Date.now() / 1000) - told.issued_at_s,
  };
  tokens.set(application, token);
  return token;
}

// RFC 9449 section 4.2
async function proofOf(token, url) {
  const { pair, jwk } = await ownKey();
  const header = { typ: "dpop+jwt", alg: "ES256", jwk };
  const claims = {
    jti: b64url(crypto.getRandomValues(new Uint8Array(16))),
    htm: form.dataset.method,
    htu: url,
    iat: Math.round(Date.now() / 1000) - token.ahead,
    ath: await digest(token.text),
  };
  const signed = [header, claims].map((each) => b64url(octets(JSON.stringify(each)))).join(".");
  const signature = await crypto.subtle.sign(ES256, pair.privateKey, octets(signed));
  return `${signed}.${b64url(signature)}`;
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
  const proof = await proofOf(token, form.dataset.base + path);
  const { product, operation } = form.dataset;
  return ask("/try/calls", { product, operation, target, headers, body, token: token.text, proof });
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
  const { problem } = fault;
  let text = form.dataset.lost;
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
