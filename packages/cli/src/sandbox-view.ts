import type { EndpointDetails, SandboxDetails } from "@netkit/engine";
import { ipOf, prefixLengthOf, type Cidr, type Family } from "@netkit/core";
import { addressOf, formatLabels } from "./network-view.ts";
import { bindingsOf, formatPorts, portBindings, portMap, portTexts } from "./port-view.ts";

/** The fields of a sandbox in a list. */
export interface SandboxRow {
  readonly ID: string;
  readonly Name: string;
  readonly State: string;
  readonly PID: string;
  readonly Command: string;
  readonly Networks: string;
  readonly Addresses: string;
  readonly Ports: string;
  readonly Labels: string;
  readonly CreatedAt: string;
}

export const sandboxHeaders: Readonly<Record<keyof SandboxRow, string>> = {
  ID: "SANDBOX ID",
  Name: "NAME",
  State: "STATE",
  PID: "PID",
  Command: "COMMAND",
  Networks: "NETWORKS",
  Addresses: "ADDRESSES",
  Ports: "PORTS",
  Labels: "LABELS",
  CreatedAt: "CREATED AT",
};

export function sandboxRow(sandbox: SandboxDetails, truncated: boolean): SandboxRow {
  const { endpoints, process } = sandbox;
  const command = process?.command.join(" ") ?? "";
  return {
    ID: truncated ? sandbox.id.slice(0, 12) : sandbox.id,
    Name: sandbox.name,
    State: sandbox.state,
    PID: sandbox.state === "running" ? String(process?.pid ?? "") : "",
    Command: truncated && command.length > 20 ? `${command.slice(0, 17)}...` : command,
    Networks: endpoints.map(({ networkName }) => networkName).join(","),
    Addresses: endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => ipOf(address))).join(","),
    Ports: endpoints
      .map(formatPorts)
      .filter((ports) => ports !== "")
      .join(", "),
    Labels: formatLabels(sandbox.labels),
    CreatedAt: sandbox.created,
  };
}

/** A sandbox in the shape of `docker inspect`, as far as it has the same things. */
export function sandboxView(sandbox: SandboxDetails): Record<string, unknown> {
  const { process, state, endpoints } = sandbox;
  return {
    Id: sandbox.id,
    Name: sandbox.name,
    Created: sandbox.created,
    State: { Status: state, Running: state === "running", Pid: state === "running" ? (process?.pid ?? 0) : 0 },
    Config: {
      Hostname: sandbox.hostname,
      Domainname: sandbox.domainname ?? "",
      Cmd: process?.command ?? [],
      Labels: sandbox.labels,
    },
    HostConfig: {
      AutoRemove: sandbox.autoRemove,
      PortBindings: portBindings(endpoints.flatMap(({ ports }) => ports)),
      Dns: sandbox.dns.servers,
      DnsSearch: sandbox.dns.search,
      DnsOptions: sandbox.dns.options,
      Sysctls: sandbox.sysctls ?? {},
      ExtraHosts: sandbox.hosts.map(({ name, address }) => `${name}:${address}`),
    },
    NetworkSettings: {
      SandboxKey: sandbox.netns,
      Owner: sandbox.owner === "stranger" ? "others" : sandbox.owner,
      Members: sandbox.members,
      Ports: portMap(endpoints.flatMap(bindingsOf)),
      ...defaultBridgeView(endpoints),
      Networks: Object.fromEntries(endpoints.map((endpoint) => [endpoint.networkName, endpointView(endpoint)])),
    },
  };
}

/** In Docker's place for what its default bridge gives a container; empty where it is on others alone. */
function defaultBridgeView(endpoints: readonly EndpointDetails[]): Record<string, unknown> {
  const endpoint = endpoints.find(({ networkName }) => networkName === "bridge");
  return {
    EndpointID: endpoint?.id ?? "",
    MacAddress: endpoint?.mac ?? "",
    ...addressView(endpoint ?? { addresses: [] }),
  };
}

function endpointView(endpoint: EndpointDetails): Record<string, unknown> {
  return {
    NetworkID: endpoint.network,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac ?? "",
    ...addressView(endpoint),
    GwPriority: endpoint.gatewayPriority ?? 0,
    LinkLocalIPs: (endpoint.linkLocal ?? []).map(ipOf),
    Sysctls: endpoint.sysctls ?? {},
    Aliases: endpoint.aliases,
    Interface: endpoint.ifName,
    Ports: portTexts(endpoint),
    DriverOpts: endpoint.options,
  };
}

type Addressed = Pick<EndpointDetails, "addresses">;

function addressView(endpoint: Addressed): Record<string, unknown> {
  return {
    IPAddress: ip(addressOf(endpoint, "ipv4")),
    IPPrefixLen: length(addressOf(endpoint, "ipv4")),
    Gateway: gatewayOf(endpoint, "ipv4"),
    GlobalIPv6Address: ip(addressOf(endpoint, "ipv6")),
    GlobalIPv6PrefixLen: length(addressOf(endpoint, "ipv6")),
    IPv6Gateway: gatewayOf(endpoint, "ipv6"),
  };
}

function gatewayOf(endpoint: Addressed, family: Family): string {
  const own = addressOf(endpoint, family);
  return endpoint.addresses.find(({ address }) => address === own)?.gateway ?? "";
}

function ip(cidr: string): string {
  return cidr === "" ? "" : ipOf(cidr as Cidr);
}

function length(cidr: string): number {
  return cidr === "" ? 0 : prefixLengthOf(cidr as Cidr);
}
