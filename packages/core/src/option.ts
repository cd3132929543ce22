import * as z from "zod/mini";
import { isNetkitError } from "./errors.ts";

/**
 * One option of a driver. Help, validation, shell completion and docs derive from it. Its schema accepts text as the
 * command line gives it and typed values as the library gives them.
 */
export interface Option<T = unknown> {
  readonly schema: z.ZodMiniType<T>;
  /** One line for `--help`. */
  readonly summary: string;
  /** What stands for the value in help: `BYTES`, `true|false`, `bridge|private`. */
  readonly value: string;
  /** Other spellings, such as Docker's `com.docker.network.driver.mtu`. */
  readonly aliases?: readonly string[];
  readonly default?: T;
}

export type OptionSet = Readonly<Record<string, Option>>;

/** The values of an option set: those with a default are always there. */
export type OptionValues<S extends OptionSet> = {
  readonly [K in keyof S]: S[K] extends { default: unknown } ? Value<S[K]> : Value<S[K]> | undefined;
};
type Value<O> = O extends Option<infer T> ? T : never;

/** What callers give: text or typed values by name or alias. */
export type OptionInput = Readonly<Record<string, unknown>>;

interface Extra<T> {
  readonly aliases?: readonly string[];
  readonly default?: T;
}

type About<T> = Pick<Option<T>, "summary" | "value">;

/** Its schema is made when it is first asked for: most processes need few of all the options, and zod takes its time. */
function option<T, E extends Extra<NoInfer<T>>>(
  make: () => z.ZodMiniType<T>,
  { summary, value }: About<T>,
  extra: E,
): Option<T> & E {
  let schema: z.ZodMiniType<T> | undefined;
  return {
    get schema() {
      return (schema ??= make());
    },
    summary,
    value,
    ...extra,
  };
}

const truth: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  on: true,
  false: false,
  "0": false,
  no: false,
  off: false,
};

/** A yes-or-no option. */
export function flag<const E extends Extra<boolean>>(summary: string, extra: E): Option<boolean> & E {
  return option(
    () =>
      z.pipe(
        z.transform((input: unknown) => (typeof input === "string" ? (truth[input.toLowerCase()] ?? input) : input)),
        z.boolean("expected true or false"),
      ),
    { summary, value: "true|false" },
    extra,
  );
}

/** A whole number between `min` and `max`, both included. */
export function integer<const E extends Extra<number>>(
  summary: string,
  range: { min: number; max: number; value: string },
  extra: E,
): Option<number> & E {
  const { min, max, value } = range;
  const message = `expected a whole number from ${min} to ${max}`;
  return option(
    () =>
      z.pipe(
        z.transform((input: unknown) =>
          typeof input === "string" && /^-?[0-9]+$/.test(input) ? Number(input) : input,
        ),
        z.int(message).check(z.minimum(min, message), z.maximum(max, message)),
      ),
    { summary, value },
    extra,
  );
}

const bitUnits: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9, tbit: 1e12 };

/**
 * A number of bits, or of bits per second, between `min` and `max`: a whole number, or text with a unit as tc(8) has
 * them, in powers of ten: `10mbit`, `1.5gbit`.
 */
export function bits<const E extends Extra<number>>(
  summary: string,
  range: { min: string; max: string; value: string },
  extra: E,
): Option<number> & E {
  const [min, max] = [range.min, range.max].map((text) => Number(bitsOf(text)));
  const message = `expected bits with a unit (kbit, mbit, gbit), from ${range.min} to ${range.max}`;
  return option(
    () =>
      z.pipe(
        z.transform((input: unknown) => (typeof input === "string" ? bitsOf(input) : input)),
        z.int(message).check(z.minimum(min ?? 0, message), z.maximum(max ?? 0, message)),
      ),
    { summary, value: range.value },
    extra,
  );
}

function bitsOf(text: string): unknown {
  const [, digits, unit = "bit"] = /^([0-9]+(?:\.[0-9]+)?)([kmgt]?bit)?$/i.exec(text) ?? [];
  const bits = Number(digits) * (bitUnits[unit.toLowerCase()] ?? Number.NaN);
  return Number.isNaN(bits) ? text : Math.round(bits);
}

/** One of a few words. */
export function choice<const C extends string, const E extends Extra<NoInfer<C>>>(
  summary: string,
  words: readonly [C, ...C[]],
  extra: E,
): Option<C> & E {
  return option(() => z.enum(words, `expected one of ${words.join(", ")}`), { summary, value: words.join("|") }, extra);
}

/** Text that `parse` turns into a value; what it throws becomes the message of the refusal. */
export function parsed<T, const E extends Extra<NoInfer<T>>>(
  summary: string,
  value: string,
  parse: (text: string) => T,
  extra: E,
): Option<T> & E {
  return option<T, E>(
    () =>
      z.pipe(
        z.string("expected text"),
        z.transform((text: string, context) => {
          try {
            return parse(text);
          } catch (error) {
            context.issues.push({
              code: "custom",
              message: error instanceof Error ? error.message : String(error),
              ...(isNetkitError(error) && error.hint !== undefined ? { params: { hint: error.hint } } : {}),
              input: text,
            });
            return z.NEVER;
          }
        }),
      ),
    { summary, value },
    extra,
  );
}
