import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  codes,
  exitCodes,
  isNetkitError,
  NetkitError,
  toNetkitError,
  type ErrorCode,
  type ErrorKind,
} from "../src/index.ts";

test("exit statuses are these", () => {
  const expected: Record<ErrorKind, number> = {
    invalid: 2,
    "not-found": 3,
    conflict: 4,
    exhausted: 5,
    unsupported: 6,
    permission: 7,
    unavailable: 8,
    drift: 9,
    kernel: 10,
    internal: 70,
    cancelled: 130,
  };
  expect(exitCodes).toEqual(expected);
});

test.each(Object.keys(codes) as ErrorCode[])("%s has a kind, an exit status and a sentence", (code) => {
  const error = new NetkitError(code, "message");
  expect(error.kind).toBe(codes[code].kind);
  expect(error.exitCode).toBe(exitCodes[codes[code].kind]);
  expect(codes[code].doc).toMatch(/^[A-Zn].*\.$/);
});

test("every kind is that of a code", () => {
  expect(new Set(Object.values(codes).map(({ kind }) => kind))).toEqual(new Set(Object.keys(exitCodes)));
});

test("it is an Error with a name that isn't data", () => {
  const error = new NetkitError("DRIFT", "bridge netkit0 is missing");
  expect(error).toBeInstanceOf(Error);
  expect(error.toString()).toBe("NetkitError: bridge netkit0 is missing");
  expect(Object.keys(error)).not.toContain("name");
  expect("cause" in error).toBe(false);
  expect(new NetkitError("DRIFT", "", { cause: undefined })).toHaveProperty("cause", undefined);
});

describe("the brand", () => {
  test("holds across copies of the package", async () => {
    vi.resetModules();
    const copy = await import("../src/errors.ts");
    const theirs = new copy.NetkitError("PORT_TAKEN", "port 80 is taken");
    expect(copy.NetkitError).not.toBe(NetkitError);
    expect(theirs).not.toBeInstanceOf(NetkitError);
    expect(isNetkitError(theirs)).toBe(true);
    expect(toNetkitError(theirs)).toBe(theirs);
    expect(copy.isNetkitError(new NetkitError("DRIFT", ""))).toBe(true);
  });

  test("is nothing that looks like it, and no field of the error", () => {
    expect(isNetkitError({ ...new NetkitError("DRIFT", "x").toJSON(), name: "NetkitError" })).toBe(false);
    expect(isNetkitError(new Error("x"))).toBe(false);
    fc.assert(fc.property(fc.anything(), (value) => !isNetkitError(value)));
  });
});

describe("as JSON", () => {
  test("it has the facts, the hint only if there is one, and the causes", () => {
    const error = new NetkitError("PORT_TAKEN", "port 80 is taken", {
      hint: "Choose another one.",
      details: { port: 80 },
      cause: new Error("EADDRINUSE"),
    });
    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: {
        code: "PORT_TAKEN",
        kind: "conflict",
        message: "port 80 is taken",
        hint: "Choose another one.",
        details: { port: 80 },
        causes: ["EADDRINUSE"],
      },
    });
    expect(new NetkitError("DRIFT", "x").toJSON()).toEqual({
      code: "DRIFT",
      kind: "drift",
      message: "x",
      details: {},
      causes: [],
    });
  });

  test("causes come in order, through AggregateErrors and their own causes", () => {
    const first = new Error("first", { cause: new Error("of the first") });
    const second = new NetkitError("KERNEL", "second");
    const all = new AggregateError([first, "no error", second], "all", { cause: new Error("of all") });
    const error = new NetkitError("TEARDOWN", "some failed", { cause: new Error("outer", { cause: all }) });
    expect(error.toJSON()["causes"]).toEqual(["outer", "all", "first", "of the first", "second", "of all"]);
  });

  test("causes that go round in a circle are told once", () => {
    const [a, b] = [new Error("a"), new Error("b")];
    a.cause = b;
    b.cause = new AggregateError([a, b], "both");
    const error = new NetkitError("INTERNAL", "x", { cause: a });
    (b.cause as Error).cause = error;
    expect(error.toJSON()["causes"]).toEqual(["a", "b", "both"]);
  });
});

describe("what is no NetkitError becomes one", () => {
  test("of code INTERNAL, with the message and the cause", () => {
    const cause = new TypeError("x is not a function");
    const error = toNetkitError(cause);
    expect([error.code, error.message, error.cause]).toEqual(["INTERNAL", "x is not a function", cause]);
    expect(toNetkitError("text").message).toBe("text");
    expect(toNetkitError(undefined).message).toBe("undefined");
    expect(toNetkitError(Object.create(null)).message).toBe("object thrown");
  });

  test("whatever was thrown", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
        const error = toNetkitError(value);
        expect([error.code, error.cause]).toEqual(["INTERNAL", value]);
        expect(typeof error.message).toBe("string");
      }),
    );
  });
});
