import type { AgentEvent } from "@netkit/agent";
import { checkEventTypes, eventTypes, isNobodyThere } from "@netkit/agent/client";
import { NetkitError } from "@netkit/core";
import { startAgentProcess } from "../agent-process.ts";
import { askTheAgent, rootOf } from "../agent-request.ts";
import { command, type Command } from "../command.ts";
import { filter, matchesLabel, type Matchers } from "../filter.ts";
import { filterBy } from "../listing.ts";
import { parseMoment } from "../moment.ts";
import { readSettings } from "../settings.ts";
import type { Terminal } from "../terminal.ts";

export const events: Command = command({
  name: "events",
  summary: "Show what happens as it happens",
  details: [
    "The agent tells them; one is started if none runs, and what happened before it started isn't known.",
    "Filters: event (such as connect), label, network, sandbox, type.",
  ],
  options: {
    type: {
      value: "TYPE",
      many: true,
      summary: `Only events of this type: ${eventTypes.join(", ")}`,
      complete: eventTypes,
    },
    filter: filterBy("event=", "label=", "network=", "sandbox=", "type="),
    since: { value: "TIME", summary: "Begin with those since a time (2026-01-31T12:00:00Z), or so long ago (10m)" },
    until: { value: "TIME", summary: "End at that time; with one in the past, once the events until then are shown" },
  },
  examples: [
    { line: "netkit events", summary: "Until Ctrl-C" },
    { line: "netkit events --type endpoint --json", summary: "Who connects and disconnects, a JSON document a line" },
  ],
  changes: false,
  abortable: true,
  async run({ globals, options, terminal, change: { signal } }) {
    checkEventTypes(options.type);
    checkFilters(options.filter);
    const query = new URLSearchParams(options.type.map((type): [string, string] => ["type", type]));
    for (const name of ["since", "until"] as const) {
      const text = options[name];
      if (text !== undefined) query.set(name, new Date(parseMoment(`--${name}`, text)).toISOString());
    }
    const print = (line: string): void => {
      const event = JSON.parse(line) as AgentEvent;
      if (filter([event], options.filter, matchers).length === 0) return;
      process.stdout.write(`${globals.json ? line : format(event, terminal)}\n`);
    };
    const listen = async (): Promise<unknown> =>
      await askTheAgent(
        globals,
        { method: "GET", target: `/v1/events?${query.toString()}`, timeoutMs: 0, ...(signal && { signal }) },
        print,
      );
    await listen()
      .catch(async (error: unknown) => {
        if (!isNobodyThere(error)) throw error;
        if (!(await readSettings(globals)).agent) throw unwanted(error);
        await startAgentProcess(await rootOf(globals), globals);
        await listen();
      })
      .catch((error: unknown) => {
        if (signal?.aborted !== true) throw error;
      });
    return {};
  },
});

const matchers: Matchers<AgentEvent> = {
  event: ({ action }, value) => action === value,
  label: ({ attributes }, value) => matchesLabel(attributes, value),
  network: (event, value) => isAbout(event, "network", value),
  sandbox: (event, value) => isAbout(event, "sandbox", value),
  type: ({ type }, value) => type === value,
};

/** Of an endpoint and its ports the attributes name both. */
function isAbout({ type, id, name, attributes }: AgentEvent, what: "network" | "sandbox", value: string): boolean {
  if (type !== what) return (type === "endpoint" || type === "port") && attributes[what] === value;
  return name === value || (value !== "" && id.startsWith(value));
}

/** Before an agent is started for events that there will never be. */
function checkFilters(texts: readonly string[]): void {
  filter([], texts, matchers);
  checkEventTypes(texts.filter((text) => text.startsWith("type=")).map((text) => text.slice("type=".length)));
}

function unwanted(cause: unknown): NetkitError {
  return new NetkitError("AGENT_NOT_FOUND", "no agent runs, and the configuration has none started", {
    hint: "Start one yourself: netkit agent, or take '\"agent\": false' out of the configuration.",
    cause,
  });
}

function format(event: AgentEvent, terminal: Terminal): string {
  const attributes = Object.entries(event.attributes).map(([name, value]) => `${name}=${value}`);
  const about = `${event.type} ${event.action}`.padEnd(20);
  return `${terminal.out("dim", event.time)} ${terminal.out("cyan", about)} ${event.name} ${terminal.out("dim", attributes.join(" "))}`.trimEnd();
}
