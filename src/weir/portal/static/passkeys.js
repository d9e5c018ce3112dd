// Passkeys need a script to ask the browser for them. A form with data-passkey names where the
// options come from; its button is hidden until the browser is known to have passkeys. What the
// browser answers goes into the field `answer`, and the form is sent as any other.

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function answer(form) {
  const reply = await fetch(form.dataset.passkey, { headers: { accept: "application/json" } });
  if (!reply.ok) throw new Error(reply.statusText);
  const publicKey = await reply.json();
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) return made(publicKey);
  return used(publicKey);
}

async function made(publicKey) {
  publicKey.user.id = bytes(publicKey.user.id);
  for (const known of publicKey.excludeCredentials ?? []) known.id = bytes(known.id);
  const key = await navigator.credentials.create({ publicKey });
  return {
    ...named(key),
    response: {
      clientDataJSON: text(key.response.clientDataJSON),
      attestationObject: text(key.response.attestationObject),
    },
  };
}

async function used(publicKey) {
  for (const known of publicKey.allowCredentials ?? []) known.id = bytes(known.id);
  const key = await navigator.credentials.get({ publicKey });
  return {
    ...named(key),
    response: {
      clientDataJSON: text(key.response.clientDataJSON),
      authenticatorData: text(key.response.authenticatorData),
      signature: text(key.response.signature),
      userHandle: key.response.userHandle && text(key.response.userHandle),
    },
  };
}

const named = (key) => ({
  id: key.id, rawId: text(key.rawId), type: key.type, clientExtensionResults: {},
});

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      const said = form.querySelector("[data-said]");
      said.hidden = true;
      try {
        form.elements.answer.value = JSON.stringify(await answer(form));
        form.requestSubmit();
      } catch {
        said.hidden = false; // cancelled, timed out, or no passkey here: nothing was changed
      }
    });
  }
}
