// The customer answered in this window; the page of the operation waits for it in another.
new BroadcastChannel("weir-try").postMessage(location.search);
history.replaceState(null, "", location.pathname); // the code is nobody else's to read
