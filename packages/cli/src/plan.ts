import { formatHost, formatRange, parseIp, type Change, type Owner, type Plan, type Resource } from "@netkit/core";
import type { Preview } from "@netkit/engine";
import type { Result } from "./command.ts";
import type { Terminal } from "./terminal.ts";

const signs = { create: ["+", "green"], replace: ["~", "yellow"], remove: ["-", "red"] } as const;

/** The plans as a list, by owner: `+` is made, `~` changed, `-` removed, `=` let go of, and left as it is. */
export function formatPreviews(previews: readonly Preview[], terminal: Terminal): string {
  const plans = previews.filter(({ plan, ends = [] }) => plan.length + ends.length > 0);
  if (plans.length === 0) return "Nothing would change in the kernel.";
  return plans.map((preview) => formatPreview(preview, terminal)).join("\n\n");
}

function formatPreview({ title, plan, ends = [] }: Preview, terminal: Terminal): string {
  const lines = [terminal.out("bold", title), ...ends.map((pid) => `  ${terminal.out("red", "-")} process ${pid}`)];
  for (const [owner, changes] of Map.groupBy(plan, (change) => describeOwner(change.owner))) {
    lines.push(`  ${terminal.out("dim", owner)}`);
    for (const change of changes) lines.push(`    ${formatChange(change, plan, terminal)}`);
  }
  return lines.join("\n");
}

function describeOwner({ type, name, id }: Owner): string {
  return `${type} ${name === "" ? id.slice(0, 12) : name}`;
}

function formatChange(change: Change, plan: Plan, terminal: Terminal): string {
  const { op, resource } = change;
  const what = describeResource(resource, sandboxOf(change.owner));
  if (op === "remove" && stays(resource, plan)) return `${terminal.out("dim", "=")} ${what} (stays)`;
  const [sign, colour] = signs[op];
  const checked = resource.ensure === "exists" ? " (checked only)" : "";
  return `${terminal.out(colour, sign)} ${what}${checked}`;
}

/** What isn't netkit's stays, and a setting of the kernel, but for that of a link or namespace that goes. */
function stays(resource: Resource, plan: Plan): boolean {
  if (resource.ensure === "exists") return true;
  if (resource.kind !== "sysctl" || resource.ns !== "host") return false;
  const link = /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\//.exec(resource.path)?.[1];
  return !plan.some(({ op, resource: other }) => {
    if (op !== "remove" || !("name" in other) || other.name !== link) return false;
    return other.kind !== "netns" && other.ns === "host" && other.ensure !== "exists";
  });
}

/** The sandbox whose namespace an owner's resources may lie in; endpoints are called `sandbox@network`. */
function sandboxOf({ type, name, id }: Owner): string {
  if (name === "") return id.slice(0, 12);
  return type === "endpoint" ? (name.split("@", 1)[0] ?? name) : name;
}

/** What a resource is, in a few words. */
function describeResource(resource: Resource, sandbox: string): string {
  const where = resource.ns === "host" ? "" : ` in ${sandbox}`;
  switch (resource.kind) {
    case "netns":
      return `namespace ${resource.name}`;
    case "file":
      return `file ${resource.path}`;
    case "link":
    case "bridge":
    case "vxlan":
    case "dummy":
    case "ifb":
      return `${resource.kind} ${resource.name}${where}`;
    case "macvlan":
    case "ipvlan":
    case "vlan":
      return `${resource.kind} ${resource.name} on ${resource.parent}${where}`;
    case "veth": {
      const master = resource.master === undefined ? "" : `, port of ${resource.master}`;
      // Of a stray one its other end isn't known.
      const { name, ns } = resource.peer;
      const peer = name === "" ? "" : `, peer ${name}${ns === "host" ? "" : ` in ${sandbox}`}`;
      return `veth ${resource.name}${where}${master}${peer}`;
    }
    case "sysctl":
      return `sysctl ${resource.path} = ${resource.value}${where}`;
    case "address":
      return `address ${resource.address} on ${resource.link}${where}`;
    case "route": {
      const via = resource.via === undefined ? "" : ` via ${resource.via}`;
      const link = resource.link === undefined ? "" : ` dev ${resource.link}`;
      return `route ${resource.destination}${via}${link}${where}`;
    }
    case "rule":
      return `rule ${resource.priority}: from ${resource.from ?? "all"} to ${resource.to ?? "all"} table ${resource.table}${where}`;
    case "neighbour":
      return `neighbour ${resource.address} on ${resource.link}${where}`;
    case "fdb":
      return resource.master === true
        ? `forwarding entry ${resource.mac} to ${resource.link}, of its bridge${where}`
        : `forwarding entry ${resource.mac} of ${resource.link}${resource.destination === undefined ? "" : ` to ${resource.destination}`}${where}`;
    case "shaper":
      return `rate of ${resource.link}: ${resource.bytesPerSecond * 8} bits per second${where}`;
    case "redirect":
      return `redirection of what ${resource.link} receives to ${resource.to}${where}`;
    case "isolation": {
      const { internal, icc, trusted = [] } = resource;
      const entry = (["ipv4", "ipv6"] as const).map((family) => {
        const what = resource[family];
        return what === undefined ? "" : `${family === "ipv4" ? "IPv4" : "IPv6"} from outside: ${entries[what]}`;
      });
      const traits = [
        internal ? "internal" : "",
        icc ? "" : "no traffic between its ports",
        ...entry,
        trusted.length === 0 ? "" : `open ports for ${trusted.join(", ")}`,
      ];
      return ["isolation of " + resource.link, ...traits.filter((trait) => trait !== "")].join(", ");
    }
    case "familiar":
      return `${resource.link} is open for ${resource.source}`;
    case "masquerade":
      return `masquerade ${resource.subnet} out of ${resource.link}${resource.within === undefined ? "" : `, but not to ${resource.within}`}`;
    case "guard":
      return `spoofing protection of ${resource.link}`;
    case "sender":
      return `sender ${resource.address} at ${resource.link}`;
    case "untracked":
      return `no tracking of UDP port ${resource.port} from and to ${resource.address}`;
    case "open":
      return `open port ${formatRange(resource.targetPort)}/${resource.protocol} of ${resource.target}${sourcesOf(resource)}`;
    case "publish": {
      const host = resource.hostAddress ?? parseIp(resource.family === "ipv6" ? "::" : "0.0.0.0");
      const [from, to] = [formatRange(resource.hostPort), formatRange(resource.targetPort)];
      return `port ${formatHost(host)}:${from}/${resource.protocol} -> ${formatHost(resource.target)}:${to}${sourcesOf(resource)}`;
    }
  }
}

const entries = { all: "everything", opened: "open ports and ICMP" } as const;

function sourcesOf({ from }: { readonly from?: readonly string[] }): string {
  return from === undefined ? "" : ` from ${from.join(",")}`;
}

/** The plans as shell lines, each with its line break, and nothing else: made to be piped to `sh -e`. */
export function shellLines(
  previews: readonly Preview[],
  { shell = [], note }: Pick<Result, "shell" | "note">,
): string[] {
  const lines = [...previews.flatMap((preview) => preview.toShell()), ...shell];
  return [...lines, ...(note === undefined ? [] : [`# ${note}`])].map((line) => `${line}\n`);
}

/** The plans as data, for --json. */
export function previewData(previews: readonly Preview[], result: Result): unknown {
  return {
    plans: previews.map(({ title, plan, ends }) => ({ title, ...(ends && { ends }), changes: plan })),
    commands: shellLines(previews, result).map((line) => line.trimEnd()),
    ...(result.data === undefined ? {} : { result: result.data }),
  };
}
