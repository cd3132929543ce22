import { NetkitError } from "@netkit/core";
import { expect, test } from "vitest";
import { filter, matchesLabel } from "./filter.ts";
import { list } from "./listing.ts";
import { columns, table } from "./table.ts";

const rows = [
  { ID: "0123456789ab", Name: "bridge", Driver: "bridge" },
  { ID: "ba9876543210", Name: "a-rather-long-name", Driver: "null" },
];
const listing = {
  data: rows,
  rows,
  headers: { ID: "NETWORK ID", Name: "NAME", Driver: "DRIVER" },
  columns: ["ID", "Name", "Driver"],
  quiet: false,
  format: undefined,
} as const;

test("a table looks as Docker's", () => {
  expect(list(listing).text).toBe(
    [
      "NETWORK ID     NAME                 DRIVER",
      "0123456789ab   bridge               bridge",
      "ba9876543210   a-rather-long-name   null",
    ].join("\n"),
  );
  expect(table(["A", "B"], [["x", "y"]])).toBe("A         B\nx         y");
});

test("formats: ids alone, json, a template, a table of a template", () => {
  expect(list({ ...listing, quiet: true }).text).toBe("0123456789ab\nba9876543210");
  expect(list({ ...listing, format: "json" }).text?.split("\n")[0]).toBe(JSON.stringify(rows[0]));
  expect(list({ ...listing, format: "{{.Name}}:{{.Driver}}" }).text).toBe("bridge:bridge\na-rather-long-name:null");
  expect(list({ ...listing, format: "table {{.Driver}}\\t{{.Name}}" }).text).toBe(
    "DRIVER    NAME\nbridge    bridge\nnull      a-rather-long-name",
  );
});

test("filters: alternatives of one key, all of several keys, all labels", () => {
  const items = [
    { name: "web-1", driver: "bridge", labels: { tier: "front", a: "1" } },
    { name: "web-2", driver: "null", labels: { tier: "front" } },
    { name: "db", driver: "bridge", labels: {} },
  ];
  type Item = (typeof items)[number];
  const names = (...texts: string[]): string[] =>
    filter<Item>(items, texts, {
      name: (item, value) => item.name.includes(value),
      driver: (item, value) => item.driver === value,
      label: (item, value) => matchesLabel(item.labels as Record<string, string>, value),
    }).map(({ name }) => name);
  expect(names()).toEqual(["web-1", "web-2", "db"]);
  expect(names("name=web-1", "name=db")).toEqual(["web-1", "db"]);
  expect(names("name=web", "driver=bridge")).toEqual(["web-1"]);
  expect(names("label=tier=front", "label=a")).toEqual(["web-1"]);
  expect(names("label=tier=back")).toEqual([]);
  expect(() => names("nmae=x")).toThrow(NetkitError);
  expect(() => names("name")).toThrow("not key=value");
});

test("a left column that is too long has a line of its own", () => {
  const long = "x".repeat(50);
  expect(
    columns([
      ["a", "one"],
      [long, "two"],
    ]),
  ).toBe(
    ["  a                                   one", `  ${long}`, "                                      two"].join("\n"),
  );
});

test("filters: of a key with few values another one is refused with those", () => {
  const matchers = { state: (item: { state: string }, value: string) => item.state === value };
  expect(filter([{ state: "up" }], ["state=up"], matchers, { state: ["up", "down"] })).toHaveLength(1);
  expect(() => filter([{ state: "up" }], ["state=foo"], matchers, { state: ["up", "down"] })).toThrow(
    expect.objectContaining({ code: "ARGUMENT_INVALID", hint: "It is one of up, down." }),
  );
});
