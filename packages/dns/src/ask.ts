import { randomInt } from "node:crypto";
import { framed, unframed } from "./framing.ts";
import type { Query } from "./query.ts";
import { readResponse, type Asked, type Response } from "./response.ts";
import { connectTcp, openUdp, portOf, type Upstream, type Upstreams } from "./upstreams.ts";
import { dnssecOk, flags, headerBytes, optBytes, rcodes, writeHeader, writeOpt } from "./wire.ts";

/** After which time without an answer a datagram is taken for lost and sent again, in ms. */
const resendMs = 1000;

/**
 * Asks one server and resolves with what it says of the name; rejects when it says that it can't (SERVFAIL, REFUSED...),
 * when it can't be reached, and when the signal ends the wait. Only a client by TCP gets what has no room in a datagram.
 */
export async function ask(
  query: Query,
  needsAll: boolean,
  upstreams: Upstreams,
  server: Upstream,
  signal: AbortSignal,
): Promise<Response> {
  let hasEdns = query.edns !== undefined;
  let response = await askUdp(outgoing(query, hasEdns), upstreams, server, signal);
  if (hasEdns && response.rcode === rcodes.FORMERR) {
    // A server that doesn't know EDNS (RFC 6891, section 6.2.2).
    hasEdns = false;
    response = await askUdp(outgoing(query, hasEdns), upstreams, server, signal);
  }
  if (response.isTruncated && needsAll) response = await askTcp(outgoing(query, hasEdns), upstreams, server, signal);
  if (response.rcode === rcodes.NOERROR || response.rcode === rcodes.NXDOMAIN) return response;
  throw new Error(`rcode ${response.rcode}`);
}

interface Outgoing extends Asked {
  readonly message: Buffer;
}

/** The question with an id of its own; of the client's EDNS, that it has it and its DO bit. */
function outgoing({ question, flags: bits, edns }: Query, hasEdns: boolean): Outgoing {
  const id = randomInt(0x1_0000);
  const end = headerBytes + question.length;
  const message = Buffer.allocUnsafe(end + (hasEdns ? optBytes : 0));
  writeHeader(message, {
    id,
    flags: bits & (flags.recursionDesired | flags.authenticData | flags.checkingDisabled),
    questions: 1,
    additionals: hasEdns ? 1 : 0,
  });
  question.copy(message, headerBytes);
  if (hasEdns) writeOpt(message, end, edns?.dnssecOk === true ? dnssecOk : 0);
  return { id, question, message };
}

/** From a new socket, so from a port that nobody can guess (RFC 5452). It is connected: the kernel tells if nobody listens. */
async function askUdp(asked: Outgoing, upstreams: Upstreams, server: Upstream, signal: AbortSignal): Promise<Response> {
  const socket = await openUdp(upstreams, server);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const port = portOf(server);
  let resend: NodeJS.Timeout | undefined;
  const send = (): void => socket.send(asked.message, (error) => error !== null && reject(error));
  const connected = (error?: Error): void => {
    if (error !== undefined) return reject(error);
    send();
    resend = setInterval(send, resendMs);
  };
  const stop = (): void => reject(signal.reason);
  socket.on("error", reject);
  socket.on("message", (message, from) => {
    // Before it was connected, anybody could send to it.
    if (from.port !== port || from.address !== server.address) return;
    const response = readResponse(message, asked);
    if (response !== undefined) resolve(response);
  });
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) stop();
    else socket.connect(port, server.address, connected);
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    clearInterval(resend);
    socket.close();
  }
}

async function askTcp(asked: Outgoing, upstreams: Upstreams, server: Upstream, signal: AbortSignal): Promise<Response> {
  const socket = await connectTcp(upstreams, server);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const stop = (): void => reject(signal.reason);
  let received = Buffer.alloc(0);
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("closed")));
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    const message = unframed(received);
    if (message === undefined) return;
    const response = readResponse(message, asked);
    if (response === undefined) reject(new Error("no answer to the question"));
    else resolve(response);
  });
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) stop();
    else socket.write(framed(asked.message));
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}
