import { formatPortSpec, parsePortSpec, type PortSpec } from "@netkit/core";
import { expect, test } from "vitest";
import { placePorts, type Place } from "../src/ports.ts";

const place = (families: string, ports: readonly string[] = [], isParticular = false): Place => ({
  families: (["ipv4", "ipv6"] as const).filter((family) => families.includes(family.slice(3))),
  isParticular,
  ports: ports.map(parsePortSpec),
});

const show = (spec: PortSpec): string => formatPortSpec(spec).replace("/tcp", "");

/** As `+` of what is published, and `-` of what is withdrawn, for each place. */
function changes(specs: readonly string[], places: readonly Place[]): string[] {
  return placePorts(specs.map(parsePortSpec), places).map(({ withdraw, publish }) =>
    [...withdraw.map((each) => `-${show(each)}`), ...publish.map((each) => `+${show(each)}`)].join(" "),
  );
}

test.each([
  ["the first that can", [place(""), place("46"), place("46")], ["", "+8080:80", ""]],
  ["of one family alone", [place("4"), place("4")], ["+8080:80", ""]],
  ["each family where it is", [place("4"), place("46")], ["+0.0.0.0:8080:80", "+[::]:8080:80"]],
  ["none that can", [place(""), place("")], ["", ""]],
  ["the other one has gone", [place("46", ["[::]:8080:80"])], ["+0.0.0.0:8080:80"]],
  ["all that had it has gone", [place("46")], ["+8080:80"]],
  ["it stays where it is", [place("46"), place("46", ["8080:80"])], ["", ""]],
  [
    "one comes that has the other family",
    [place("4", ["8080:80"]), place("46")],
    ["-8080:80 +0.0.0.0:8080:80", "+[::]:8080:80"],
  ],
  ["one that says where itself", [place("4", [], true), place("46")], ["+8080:80", ""]],
  ["one that says where itself has it", [place("46"), place("4", ["192.0.2.1:8080:80"], true)], ["", ""]],
])("%s", (_, places, expected) => {
  expect(changes(["8080:80"], places)).toEqual(expected);
});

test("a port on an address of the host is where that family is, or else on the first", () => {
  expect(changes(["127.0.0.1:1:1", "[fd00::1]:2:2"], [place("4"), place("6")])).toEqual([
    "+127.0.0.1:1:1",
    "+[fd00::1]:2:2",
  ]);
  expect(changes(["[fd00::1]:2:2"], [place("4")])).toEqual(["+[fd00::1]:2:2"]);
  expect(changes(["127.0.0.1:1:1"], [place("4"), place("4", ["127.0.0.1:1:1"])])).toEqual(["", ""]);
});

test("ports are told apart by protocol and number", () => {
  expect(changes(["1-2:1-2", "1-2:1-2/udp"], [place("4", ["1-2:1-2"])])).toEqual(["+1-2:1-2/udp"]);
});
