import { Agent as PlainAgent, request as plainRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { Settings } from "./options.ts";

export interface Answer {
  /** Who gave it: `http://host:port`. */
  readonly address: string;
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What came between; with it, whether the request may have reached the server. */
export class TransportError extends Error {
  readonly sent: boolean;

  constructor(cause: Error, sent: boolean) {
    super(cause.message === "" ? String((cause as NodeJS.ErrnoException).code) : cause.message, { cause });
    this.sent = sent;
  }
}

/** HTTP with connections that are kept. Idle ones don't keep the process alive. */
export class Http {
  readonly #plain = new PlainAgent({ keepAlive: true });
  readonly #tls: TlsAgent;

  constructor(tls: Settings["tls"]) {
    this.#tls = new TlsAgent({ keepAlive: true, ...tls });
  }

  /** @throws TransportError */
  async ask(url: URL, options: RequestOptions, body: string | undefined, signal: AbortSignal): Promise<Answer> {
    let sent = false;
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const tls = url.protocol === "https:";
        const request = tls
          ? tlsRequest(url, { ...options, agent: this.#tls, signal })
          : plainRequest(url, { ...options, agent: this.#plain, signal });
        request.on("socket", (socket) => {
          // Where a host has gone away without a word, only the kernel can find out.
          socket.setKeepAlive(true, 10_000);
          if (request.reusedSocket) sent = true;
          else socket.once(tls ? "secureConnect" : "connect", () => (sent = true));
        });
        request.on("response", resolve);
        request.on("error", reject);
        request.end(body);
      });
      return {
        address: url.origin,
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: await text(response),
      };
    } catch (error) {
      throw new TransportError(error as Error, sent);
    }
  }

  close(): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }
}
