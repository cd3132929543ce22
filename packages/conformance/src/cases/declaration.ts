import assert from "node:assert/strict";
import {
  commonEndpointOptions,
  commonNetworkOptions,
  driverApi,
  isNetkitError,
  parseOptions,
  type AnyDriver,
  type OptionSet,
} from "@netkit/core";
import type { Case } from "../case.ts";

const common = { since: 1, tier: "contract", requires: [], applies: () => true } as const satisfies Partial<Case>;

/** What a driver says of itself. */
export const declarationCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-DECLARE-001",
    rule: "states the version of the contract that it was written for, and this suite speaks that one",
    run: ({ driver }) => assert.equal(driver.api, driverApi),
  },
  {
    ...common,
    id: "DRV-DECLARE-002",
    rule: "has a name of lower-case letters, digits and '-', and a summary of one line",
    run: ({ driver }) => {
      assert.match(driver.name, /^[a-z][a-z0-9-]{0,30}$/);
      assert.match(driver.summary, /^\S[^\n]{5,100}$/);
      assert.ok(["local", "global"].includes(driver.scope));
    },
  },
  {
    ...common,
    id: "DRV-DECLARE-003",
    rule: "has traits that agree with each other",
    run: ({ driver }) => {
      const { traits, scope } = driver;
      assert.equal(
        traits.addresses === "none",
        traits.families.length === 0,
        "families without addresses, or the reverse",
      );
      assert.equal(new Set(traits.families).size, traits.families.length, "a family twice");
      if (traits.namespace !== "own") {
        assert.equal(traits.addresses, "none", "addresses in a namespace that isn't the sandbox's own");
        assert.ok(traits.exclusive, "another network beside one without a namespace of its own");
      }
      if (traits.publish) assert.equal(traits.addresses, "engine", "published ports without addresses");
      if (traits.besideHost === true) assert.ok(!traits.publish, "ports of a host that doesn't reach the sandboxes");
      if (scope === "local") {
        assert.ok(driver.peers === undefined, "peers of a network that is of one host");
        assert.ok(traits.hostAddresses !== true, "addresses to tell a network's hosts apart that is of one");
        assert.ok(traits.finds !== true, "endpoints to find on other hosts, of a network that is of one");
      }
      if (traits.exclusive)
        assert.ok(!traits.internal && !traits.subnetOfLink, "settings of networks that nobody creates");
    },
  },
  {
    ...common,
    id: "DRV-OPTIONS-001",
    rule: "describes each option, and each default passes its option's own schema",
    run: ({ driver }) => {
      for (const { set, owner } of optionSets(driver)) {
        for (const [name, option] of Object.entries(set)) {
          assert.match(name, /^[a-z][a-z0-9-]*$/);
          assert.ok(option.summary !== "" && !option.summary.includes("\n"), `summary of '${name}'`);
          assert.notEqual(option.value, "", `value of '${name}'`);
          if (option.default === undefined) continue;
          const values = parseOptions(set, { [name]: option.default }, owner) as Record<string, unknown>;
          assert.deepEqual(values[name], option.default, `default of '${name}'`);
        }
      }
    },
  },
  {
    ...common,
    id: "DRV-OPTIONS-002",
    rule: "takes each alias for its option, and no spelling names two options",
    run: ({ driver }) => {
      for (const { set, owner } of optionSets(driver)) {
        const spellings = Object.entries(set).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
        assert.equal(new Set(spellings).size, spellings.length, `a spelling is there twice: ${spellings.join(", ")}`);
        for (const [name, { aliases = [], default: value }] of Object.entries(set)) {
          if (value === undefined) continue;
          for (const alias of aliases) {
            assert.deepEqual(parseOptions(set, { [alias]: value }, owner), parseOptions(set, { [name]: value }, owner));
          }
        }
      }
    },
  },
  {
    ...common,
    id: "DRV-OPTIONS-003",
    rule: "refuses an option that it doesn't have, and names the nearest one",
    run: ({ driver }) => {
      for (const { set, owner } of optionSets(driver)) {
        const known = Object.keys(set)[0];
        const wrong = `${known ?? "no-such"}x`;
        assert.throws(
          () => parseOptions(set, { [wrong]: "1" }, owner),
          (error) =>
            isNetkitError(error) &&
            error.code === "OPTION_UNKNOWN" &&
            (known === undefined || error.hint !== undefined),
        );
      }
    },
  },
  {
    ...common,
    id: "DRV-OPTIONS-004",
    rule: "leaves the options that every network and endpoint has to the engine",
    run: ({ driver }) => {
      const pairs: [string, OptionSet, OptionSet][] = [
        ["option", driver.options as OptionSet, commonNetworkOptions],
        ["endpoint option", driver.endpointOptions as OptionSet, commonEndpointOptions],
      ];
      for (const [what, options, common] of pairs) {
        const own = Object.entries(common).flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
        for (const [name, { aliases = [] }] of Object.entries(options)) {
          const taken = [name, ...aliases].find((spelling) => own.includes(spelling));
          assert.equal(taken, undefined, `${what} '${name}': netkit has '${taken}' itself`);
        }
      }
    },
  },
];

function optionSets(driver: AnyDriver): { set: OptionSet; owner: string }[] {
  return [
    { set: driver.options as OptionSet, owner: `driver '${driver.name}'` },
    { set: driver.endpointOptions as OptionSet, owner: `an endpoint of driver '${driver.name}'` },
  ];
}
