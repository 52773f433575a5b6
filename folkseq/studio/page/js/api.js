// Calls to the studio's operations; /openapi.json describes them.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** An error that the studio explains in one sentence. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return the address of an operation for a link, with its values and the token. */
export function address(path, values = {}) {
  return `${path}?${new URLSearchParams({ ...given(values), token })}`;
}

/** Call an operation and return its answer. */
export async function ask(path, values, { method = "POST", signal } = {}) {
  const response = await send(path, values, method, signal);
  return response.headers.get("content-type")?.startsWith("application/json") ? response.json() : response.blob();
}

/** Yield the answers of a streaming operation, each as [kind, answer]. */
export async function* stream(path, values, { signal } = {}) {
  const response = await send(path, values, "POST", signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Refusal("the studio stopped answering; is it still running?", 0);
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const [, kind, data] = event.match(/^event: (.*)\ndata: (.*)$/);
      if (kind === "done") return;
      if (kind === "error") throw new Refusal(JSON.parse(data).error, 200);
      yield [kind, JSON.parse(data)];
    }
  }
}

async function send(path, values, method, signal) {
  const headers = { "X-Folkseq-Token": token };
  let response;
  try {
    response = method === "GET"
      ? await fetch(`${path}?${new URLSearchParams(given(values ?? {}))}`, { headers, signal })
      : await fetch(path, { method, headers, signal, body: JSON.stringify(given(values ?? {})) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("the studio does not answer; is it still running in the terminal?", 0);
  }
  if (response.ok) return response;
  let reason = response.statusText;
  try {
    reason = (await response.json()).error;
  } catch { /* an answer that is not the studio's */ }
  throw new Refusal(reason, response.status);
}

/** Return the values without empty ones, which take their defaults. */
function given(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined));
}
