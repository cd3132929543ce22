import { NetkitError, type ErrorCode } from "@netkit/core";
import { broken } from "./unreachable.ts";

/** An answer as it comes in: a status line, headers, a body. */
export class Answer {
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #chunks: Buffer[] = [];
  #head: string | undefined;
  #rest = "";

  /** @param onLine gets the lines of a stream as they come */
  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  get isStream(): boolean {
    return this.#onLine !== undefined;
  }

  /** All of it is there, as its head says; a stream never says. */
  get isWhole(): boolean {
    const length = /^content-length: (\d+)/im.exec(this.#head ?? "")?.[1];
    return length !== undefined && this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0) >= Number(length);
  }

  take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#head === undefined) {
      const all = Buffer.concat(this.#chunks);
      const end = all.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.#head = all.toString("latin1", 0, end);
      this.#chunks.splice(0, Infinity, all.subarray(end + 4));
    }
    if (this.#onLine !== undefined && this.#status() === 200) this.#lines(this.#onLine);
  }

  /** @throws NetkitError */
  end(path: string): unknown {
    const status = this.#status();
    const text = Buffer.concat(this.#chunks).toString();
    if (status === undefined) throw broken(path, "it ended the connection without an answer");
    if (status === 200 && this.#onLine !== undefined) return undefined;
    let value: unknown;
    try {
      value = text === "" ? undefined : JSON.parse(text);
    } catch {
      if (status === 200) return text;
      throw broken(path, `it answered with status ${status}`);
    }
    if (status === 200) return value;
    throw errorOf(value) ?? broken(path, `it answered with status ${status}`);
  }

  #status(): number | undefined {
    const digits = /^HTTP\/1\.[01] (\d{3})/.exec(this.#head ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits);
  }

  #lines(onLine: (line: string) => void): void {
    this.#rest += Buffer.concat(this.#chunks.splice(0)).toString();
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}

interface AnsweredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Record<string, unknown>;
}

function errorOf(value: unknown): NetkitError | undefined {
  const error = (value as { readonly error?: AnsweredError } | undefined)?.error;
  if (typeof error?.code !== "string") return undefined;
  const { code, message, hint, details } = error;
  return new NetkitError(code, message, { ...(hint === undefined ? {} : { hint }), ...(details && { details }) });
}
