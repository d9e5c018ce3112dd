// Asking a test customer for consent, from the page of an operation that needs one: the real request
// (RFC 9126, signed as RFC 9101 has it), the real pages in another window, and the code for a token
// (RFC 7636). All of it is proven by the page's own key, which counts for the application for
// minutes. It goes on where try-it.js began, whose names it uses.

const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
let client; // what the key may do: kid, client_id, scope, redirect_uri, issuer
let nonce; // the authorization server's own (RFC 9449 section 8)
let pending; // the request that waits for its answer

async function asClient(application) {
  const { jwk } = await ownKey();
  client = await ask("/try/keys", { application, product: form.dataset.product, jwk });
  ahead = Math.round(Date.now() / 1000) - client.issued_at_s;
}

async function askServer(endpoint, fields) {
  const { client_id, issuer, kid } = client;
  for (const last of [false, true]) {
    const claims = { iss: client_id, sub: client_id, aud: issuer, exp: now() + 120 };
    const sent = new URLSearchParams({
      ...fields,
      client_id,
      client_assertion_type: ASSERTION,
      client_assertion: await sign({ typ: "JWT", kid }, claims),
    });
    const proof = await proofOf("POST", `${issuer}/${endpoint}`, { nonce });
    const told = await ask("/try/server", { endpoint, form: String(sent), proof });
    nonce = told.dpop_nonce ?? nonce;
    const answer = JSON.parse(told.body);
    if (told.status < 400) return answer;
    if (last || answer.error !== "use_dpop_nonce") throw { server: answer };
  }
}

async function push(application, details) {
  const verifier = fresh();
  const { client_id, redirect_uri, scope, issuer, kid } = client;
  const request = {
    response_type: "code",
    redirect_uri,
    scope,
    state: fresh(),
    code_challenge: await digest(verifier),
    code_challenge_method: "S256",
    authorization_details: details,
  };
  const object = { iss: client_id, client_id, aud: issuer, nbf: now(), exp: now() + 300, ...request };
  const signed = await sign({ typ: "oauth-authz-req+jwt", kid }, object);
  const { request_uri } = await askServer("par", { request: signed });
  pending = { application, verifier, state: request.state };
  return `${issuer}/authorize?${new URLSearchParams({ client_id, request_uri })}`;
}

function asked() {
  try {
    return JSON.parse(part("asked").value);
  } catch {
    throw { server: { error: form.dataset.unreadable } };
  }
}

async function begin() {
  const application = part("application").value;
  const details = asked();
  await asClient(application);
  part("approve").href = await push(application, details);
  const told = await ask("/try/customers", {
    application, product: form.dataset.product, customer_ref: part("customer").value,
  });
  say("sign-in-name", told.sign_in_name);
  say("passphrase", told.passphrase);
  part("sign-in").hidden = false;
  part("approve").focus();
}

// What was granted goes where the operation carries it: `path:name`, or `body:/json/pointer`.
function fill(reference, value) {
  const [, where, name] = /^([a-z]+):(.*)$/s.exec(reference);
  const field = form.querySelector(`[data-where="${where}"][data-name="${CSS.escape(name)}"]`);
  if (field) field.value = value;
  if (where !== "body" || !part("body")) return;
  try {
    const body = JSON.parse(part("body").value);
    const steps = name.split("/").slice(1);
    const last = steps.pop();
    steps.reduce((inner, step) => inner[step], body)[last] = value;
    part("body").value = JSON.stringify(body, null, 2);
  } catch {
    // What the developer typed is not JSON, or has no such place: it stays as it is.
  }
}

async function finish(told) {
  const { application, verifier } = pending;
  pending = undefined;
  if (told.get("iss") !== client.issuer || !told.get("code")) {
    const [error, error_description] = [told.get("error"), told.get("error_description")];
    throw { server: { error, error_description } };
  }
  const token = await askServer("token", {
    grant_type: "authorization_code",
    code: told.get("code"),
    redirect_uri: client.redirect_uri,
    code_verifier: verifier,
  });
  remember(application, token);
  const [granted] = token.authorization_details;
  const accounts = granted.accounts ?? [granted.debtor_account];
  if (form.dataset.account) fill(form.dataset.account, accounts[0]);
  say("granted-accounts", accounts.join(", "));
  say("granted-grant", token.grant_id);
  part("granted").hidden = false;
}

async function busily(work) {
  part("ask").disabled = true;
  part("asking").hidden = false;
  part("fault").hidden = part("granted").hidden = part("sign-in").hidden = true;
  try {
    await work();
  } catch (fault) {
    explain(fault);
  } finally {
    part("ask").disabled = false;
    part("asking").hidden = true;
  }
}

part("ask").addEventListener("click", () => busily(begin));
new BroadcastChannel("weir-try").addEventListener("message", ({ data }) => {
  const told = new URLSearchParams(data);
  if (pending && told.get("state") === pending.state) busily(() => finish(told));
});
