import { expect, test } from "vitest";
import { commandsOf, findCommand, groups, nextWords } from "./catalog.ts";
import { optionsOf } from "./parse.ts";

test("commands are found by their words, Docker's synonyms too", () => {
  expect(findCommand(["network", "ls", "-q"])).toMatchObject({ command: { name: "network ls" }, count: 2 });
  expect(findCommand(["network", "list"])).toMatchObject({ command: { name: "network ls" } });
  expect(findCommand(["sandbox", "remove", "x"])).toMatchObject({ command: { name: "sandbox rm" } });
  expect(findCommand(["port", "remove", "web", "80"])).toMatchObject({ command: { name: "port rm" }, count: 2 });
  expect(findCommand(["run", "--rm"])).toMatchObject({ command: { name: "run" }, count: 1 });
  expect(findCommand([])).toEqual({ group: "" });
  expect(findCommand(["network", "--help"])).toEqual({ group: "network" });
});

test.each([
  [["netwrok"], "network"],
  [["network", "creat"], "network create"],
  [["sandbox", "inspct"], "sandbox inspect"],
])("%j is unknown, and the nearest is %s", (words, nearest) => {
  expect(() => findCommand(words)).toThrow(
    expect.objectContaining({ code: "ARGUMENT_INVALID", hint: `Did you mean '${nearest}'?` }),
  );
});

test.each([
  ["ps", "sandbox ls"],
  ["container ls -a", "sandbox ls"],
  ["rm -f web", "sandbox rm"],
  ["stop web", "sandbox rm -f"],
  ["sandbox stop web", "sandbox rm -f"],
  ["sandbox logs web", "logs/ID.log"],
  ["logs web", "logs/ID.log"],
  ["inspect web", "sandbox inspect"],
  ["port web", "netkit port ls web"],
  ["port db", "netkit port ls db"],
  ["network delete web", "netkit network rm"],
  ["net ls", "netkit network"],
  ["node ls", "netkit host ls"],
  ["swarm init", "netkit agent --store"],
  ["start web", "netkit exec"],
  ["agent start", "netkit agent --help"],
])("Docker's habit '%s' is told %s", (line, what) => {
  const hint: unknown = expect.stringContaining(what);
  expect(() => findCommand(line.split(" "))).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID", hint }));
});

test("every command has examples, says a default once, and no two options share a letter or a spelling", () => {
  for (const command of commandsOf("")) {
    expect(command.examples.length, command.name).toBeGreaterThan(0);
    const options = Object.entries(optionsOf(command));
    const twice = options.filter(([, { summary, default: preset }]) => preset !== undefined && /default/.test(summary));
    expect(twice, command.name).toEqual([]);
    const letters = options.flatMap(([, { short }]) => short ?? []);
    expect(new Set(letters).size, `${command.name}: ${letters.join("")}`).toBe(letters.length);
    const spellings = options.flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
    expect(new Set(spellings).size, `${command.name}: ${spellings.join(" ")}`).toBe(spellings.length);
  }
});

test("the words that may follow come with what they are", () => {
  expect(nextWords("").get("network")).toBe(groups["network"]);
  expect([...nextWords("network").keys()]).toEqual(["create", "ls", "inspect", "rm", "prune", "connect", "disconnect"]);
});
