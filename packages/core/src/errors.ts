import { codes, exitCodes, type ErrorCode, type ErrorKind } from "./codes.ts";

const brand: symbol = Symbol.for("netkit.error");

export interface NetkitErrorOptions {
  /** What to do next, one sentence. */
  readonly hint?: string;
  /** The facts behind the message, for `--json`: plain data. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error class of netkit. Branches belong on `code` or `kind`, never on the message. */
export class NetkitError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: NetkitErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.code = code;
    this.kind = codes[code].kind;
    this.hint = options.hint;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }

  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      kind: this.kind,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      details: this.details,
      causes: causesOf(this),
    };
  }
}
Object.defineProperty(NetkitError.prototype, "name", { value: "NetkitError" });

/** True for a NetkitError of any copy of this package in the process. */
export function isNetkitError(value: unknown): value is NetkitError {
  return typeof value === "object" && value !== null && brand in value;
}

/** `value` as a NetkitError: itself, or an INTERNAL error that carries it as cause. */
export function toNetkitError(value: unknown): NetkitError {
  if (isNetkitError(value)) return value;
  const message = value instanceof Error ? value.message : textOf(value);
  return new NetkitError("INTERNAL", message, { cause: value });
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `${typeof value} thrown`;
  }
}

/** The messages of the chain of causes, each error once, flattened through AggregateErrors. */
function causesOf(error: Error): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>([error]);
  const visit = (cause: unknown): void => {
    if (!(cause instanceof Error) || seen.has(cause)) return;
    seen.add(cause);
    found.push(cause.message);
    if (cause instanceof AggregateError) cause.errors.forEach(visit);
    visit(cause.cause);
  };
  visit(error.cause);
  return found;
}
