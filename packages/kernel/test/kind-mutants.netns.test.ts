// Each kind made wrong in one line, and the rule that has to find it out.
import type { NamespaceId, ResourceOf } from "@netkit/core";
import { expect, onTestFinished, test } from "vitest";
import type { KernelKind, Kind } from "../src/kind.ts";
import { kinds } from "../src/kinds.ts";
import type { Transaction } from "../src/transaction.ts";
import { cases, isLacking, needing, type KindCase } from "./kind-cases.ts";
import { kindRules } from "./kind-rules.ts";

type AnyKind = Kind<ResourceOf<KernelKind>>;

interface Mutation {
  readonly killedBy: RegExp;
  readonly applies?: (kind: AnyKind, one: KindCase) => boolean;
  readonly mutate: (kind: AnyKind) => Partial<AnyKind>;
}

/** A transaction that forgets how to take things back. */
function forgetful(tx: Transaction): Transaction {
  return new Proxy(tx, {
    get(target, name) {
      if (name === "send") {
        const send: Transaction["send"] = (ns, message, options) => {
          const { done: _, ...rest } = options ?? {};
          target.send(ns, message, rest);
        };
        return send;
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
}

const mutations: Readonly<Record<string, Mutation>> = {
  "makes nothing": { killedBy: /^is made as wanted/, mutate: () => ({ create: () => {} }) },
  "takes everything for as wanted": {
    killedBy: /^is made as wanted/,
    mutate: () => ({ read: () => ({ state: "same" }) }),
  },
  "removes nothing": {
    killedBy: /^is made as wanted/,
    applies: (kind, { lasting }) => kind.remove !== undefined && lasting !== true,
    mutate: () => ({ remove: () => {} }),
  },
  "can't take back what it made": {
    killedBy: /^undo takes it back/,
    applies: (kind, { lasting }) => kind.remove !== undefined && lasting !== true,
    mutate: (kind) => ({
      create: (tx, resource, alias) => {
        kind.create(forgetful(tx), resource, alias);
      },
    }),
  },
  "finds no change": {
    killedBy: /^a change by hand is found/,
    applies: (_, { tamper }) => tamper !== undefined,
    mutate: (kind) => ({
      read: (view, resource) => {
        const reading = kind.read(view, resource);
        return reading.state === "different" ? { state: "same" } : reading;
      },
    }),
  },
  "changes nothing in place": {
    killedBy: /^is replaced/,
    applies: (kind, { replacement }) => kind.change !== undefined && replacement !== undefined,
    mutate: () => ({ change: () => true }),
  },
  "says nothing of how to make it": {
    killedBy: /^its commands/,
    mutate: () => ({ createCommands: () => [] }),
  },
  "says nothing of how to remove it": {
    killedBy: /^its commands/,
    applies: (_, { lasting }) => lasting !== true,
    mutate: () => ({ removeCommands: () => [] }),
  },
};

const someId = "0".repeat(64) as NamespaceId;

const mutants = Object.entries(mutations).flatMap(([what, { killedBy, applies, mutate }]) =>
  [...Map.groupBy(cases, ({ resource }) => resource(someId).kind)].flatMap(([kind, [one]]) => {
    if (one === undefined || !(kind in kinds)) return [];
    const original = kinds[kind as KernelKind] as unknown as AnyKind;
    const name = `a ${kind} that ${what}${needing(one)}`;
    return applies?.(original, one) === false ? [] : [[name, { one, killedBy, original, mutate }] as const];
  }),
);

test.for(mutants)("%s", async ([, { one, killedBy, original, mutate }], { skip }) => {
  skip(isLacking(one), `needs ${one.needs}`);
  const rule = kindRules.find((candidate) => killedBy.test(candidate.rule));
  const sound = { ...original };
  onTestFinished(() => void Object.assign(original, sound));
  Object.assign(original, mutate(sound));
  await expect(rule?.run(one)).rejects.toThrow(/./);
});
