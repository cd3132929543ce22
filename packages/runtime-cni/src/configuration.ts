import * as z from "zod";
import { cniCodes, CniError } from "./cni-error.ts";
import { parseVersion, type CniVersion } from "./version.ts";

const text = z.string().max(4_096);
/** Some runtimes write `null` for what is not there. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const portMapping = z.object({
  hostPort: z.int().min(0).max(65_535),
  containerPort: z.int().min(1).max(65_535),
  protocol: optional(text),
  hostIP: optional(text),
});

const bandwidth = z.object({
  ingressRate: optional(z.number().min(0)),
  ingressBurst: optional(z.number().min(0)),
  egressRate: optional(z.number().min(0)),
  egressBurst: optional(z.number().min(0)),
});

const dns = z.object({
  nameservers: optional(z.array(text)),
  servers: optional(z.array(text)),
  domain: optional(text),
  search: optional(z.array(text)),
  searches: optional(z.array(text)),
  options: optional(z.array(text)),
});

/** A list, or lists by the network's name, as Podman writes them. */
const aliases = z.union([z.array(text), z.record(z.string(), optional(z.array(text)))]);

const runtimeConfig = z.object({
  portMappings: optional(z.array(portMapping)),
  ips: optional(z.array(text)),
  mac: optional(text),
  bandwidth: optional(bandwidth),
  dns: optional(dns),
  aliases: optional(aliases),
});

const attachment = z.object({ containerID: text, ifname: text });

const route = z.looseObject({ dst: text, gw: optional(text) });
const ipam = z.looseObject({ type: optional(text), network: optional(text), routes: optional(z.array(route)) });

const optionValue = z.union([z.string(), z.number(), z.boolean()]);

/** Keys of others, such as `cni.dev/...`, are let through unread. */
const schema = z.object({
  name: text,
  network: optional(text),
  subnet: optional(text),
  subnets: optional(z.array(text).min(1)),
  driver: optional(text),
  internal: optional(z.boolean()),
  options: optional(z.record(z.string(), optionValue)),
  gwPriority: optional(z.int()),
  ipam: optional(ipam),
  dns: optional(dns),
  args: optional(z.looseObject({ cni: optional(z.object({ ips: optional(z.array(text)), mac: optional(text) })) })),
  runtimeConfig: optional(runtimeConfig),
  prevResult: z.unknown().optional(),
  "cni.dev/valid-attachments": optional(z.array(attachment)),
  "cni.dev/attachments": optional(z.array(attachment)),
});

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol?: string | undefined;
  readonly hostIP?: string | undefined;
}

/** Rates in bits per second, bursts in bits. */
export interface Bandwidth {
  readonly ingressRate?: number | undefined;
  readonly ingressBurst?: number | undefined;
  readonly egressRate?: number | undefined;
  readonly egressBurst?: number | undefined;
}

/** `servers` and `searches` are what the conventions call them, the others what the specification does. */
interface Dns {
  readonly nameservers?: readonly string[] | undefined;
  readonly servers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly searches?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

interface Ipam {
  readonly type?: string | undefined;
  /** The netkit network whose addresses are handed out; default the name of the list. */
  readonly network?: string | undefined;
  /** Of containers; default by the gateways. */
  readonly routes?: readonly { readonly dst: string; readonly gw?: string | undefined }[] | undefined;
}

/** Of one container. */
interface RuntimeConfig {
  readonly portMappings?: readonly PortMapping[] | undefined;
  readonly ips?: readonly string[] | undefined;
  readonly mac?: string | undefined;
  readonly bandwidth?: Bandwidth | undefined;
  readonly dns?: Dns | undefined;
  readonly aliases?: readonly string[] | Readonly<Record<string, readonly string[] | undefined>> | undefined;
}

interface Attachment {
  readonly containerID: string;
  readonly ifname: string;
}

/** What a runtime hands a plugin on stdin. */
export interface Configuration {
  readonly cniVersion: CniVersion;
  readonly name: string;
  /** The netkit network; default the name of the list. */
  readonly network?: string | undefined;
  /** With one of these the network is made by the first ADD, with the next three. */
  readonly subnet?: string | undefined;
  readonly subnets?: readonly string[] | undefined;
  readonly driver?: string | undefined;
  readonly internal?: boolean | undefined;
  readonly options?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly gwPriority?: number | undefined;
  readonly ipam?: Ipam | undefined;
  readonly dns?: Dns | undefined;
  readonly args?: { readonly cni?: Pick<RuntimeConfig, "ips" | "mac"> | undefined } | undefined;
  readonly runtimeConfig?: RuntimeConfig | undefined;
  readonly prevResult?: unknown;
  readonly "cni.dev/valid-attachments"?: readonly Attachment[] | undefined;
  /** What those were called before 1.1.0 was final. */
  readonly "cni.dev/attachments"?: readonly Attachment[] | undefined;
}

/**
 * The network configuration of one plugin.
 * @throws CniError 6 what is no JSON, 7 what makes no sense, 1 a version that isn't spoken
 */
export function parseConfiguration(input: string): Configuration {
  const read = decode(input);
  const { name, cniVersion } = read;
  if (name === undefined || name === "") throw invalid("missing network name");
  if (typeof name !== "string" || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw invalid("invalid characters found in network name", JSON.stringify(name).slice(0, 200));
  const version = parseVersion(versionOf(cniVersion));
  const result = schema.safeParse(read);
  if (!result.success) throw invalid(`invalid network configuration: ${describeIssues(result.error)}`);
  return { ...result.data, cniVersion: version };
}

/** On one line: `runtimeConfig.portMappings[0].hostPort: expected number, received string`. */
export function describeIssues({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => `${z.core.toDotPath(path)}: ${message.replace(/^Invalid input: /, "")}`)
    .join("; ");
}

/** What version an answer is to have, whatever else is wrong; undefined where nothing says so. */
export function peekVersion(input: string): string | undefined {
  try {
    return versionOf(decode(input)["cniVersion"]);
  } catch {
    return undefined;
  }
}

/** Before there was a version there was no key for it. */
function versionOf(value: unknown): string {
  if (value === undefined || value === null || value === "") return "0.1.0";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function decode(input: string): Readonly<Record<string, unknown>> {
  let read: unknown;
  try {
    read = JSON.parse(input);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CniError(cniCodes.undecodable, `error unmarshall network config: ${why}`);
  }
  if (typeof read === "object" && read !== null && !Array.isArray(read)) return read as Record<string, unknown>;
  throw new CniError(cniCodes.undecodable, "error unmarshall network config: it is no JSON object");
}

function invalid(message: string, details = ""): CniError {
  return new CniError(cniCodes.invalidConfiguration, message, details);
}
