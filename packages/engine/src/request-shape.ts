import { didYouMean, NetkitError } from "@netkit/core";
import type {
  ChangeOptions,
  EndpointRequest,
  GuestRequest,
  LoanRequest,
  NetworkJoinRequest,
  NetworkRequest,
  RouteInput,
  SandboxRequest,
  SubnetInput,
} from "./api.ts";

/** What a value must look like: a type in words, a list of such values, or an object of certain keys. */
type Shape = "text" | "yes or no" | "a number" | "an object" | "a function" | readonly Shape[] | ObjectShape;
interface ObjectShape {
  readonly [key: string]: Shape;
}
type ShapeOf<T> = { readonly [K in keyof Required<T>]: Shape };

const routeShape: ShapeOf<RouteInput> = {
  destination: "text",
  gateway: "text",
  elsewhere: "yes or no",
  type: "text",
  metric: "a number",
};
const subnetShape: ShapeOf<SubnetInput> = { subnet: "text", gateway: "text", range: "text", auxiliary: "an object" };

const networkShape: ShapeOf<NetworkRequest> = {
  name: "text",
  id: "text",
  driver: "text",
  subnets: [subnetShape],
  routes: [routeShape],
  ipv4: "yes or no",
  ipv6: "yes or no",
  addresses: "yes or no",
  internal: "yes or no",
  configOnly: "yes or no",
  configFrom: "text",
  options: "an object",
  labels: "an object",
};

const endpointShape: ShapeOf<EndpointRequest> = {
  network: "text",
  ip: "text",
  ip6: "text",
  furtherIps: ["text"],
  mac: "text",
  aliases: ["text"],
  // Text or an object; the parser tells.
  publish: [],
  ifName: "text",
  ifPrefix: "text",
  gatewayPriority: "a number",
  metric: "a number",
  linkLocal: ["text"],
  sysctls: "an object",
  options: "an object",
  labels: "an object",
  tunable: "yes or no",
  portsHeld: "yes or no",
  id: "text",
  handedOver: "yes or no",
  theirs: { addresses: ["text"], link: "text" },
  leavesDefaultRoute: "yes or no",
};

const loanShape: ShapeOf<LoanRequest> = {
  holder: "text",
  subnet: "text",
  ip: "text",
  ip6: "text",
  furtherIps: ["text"],
  netns: "text",
  labels: "an object",
};

const joinShape: ShapeOf<NetworkJoinRequest> = {
  id: "text",
  engine: "text",
  daemon: "text",
  subnets: [subnetShape],
  pools: ["text"],
};

const sandboxShape: ShapeOf<SandboxRequest> = {
  name: "text",
  // Text or an object; each is looked at by itself.
  networks: [],
  netns: "text",
  awaited: "yes or no",
  pid: "a number",
  hostname: "text",
  domainname: "text",
  dns: { servers: ["text"], search: ["text"], options: ["text"] },
  hosts: [{ address: "text", name: "text" }],
  sysctls: "an object",
  labels: "an object",
  autoRemove: "yes or no",
};

const guestShape: ShapeOf<GuestRequest> = {
  name: "text",
  // A number or text; the engine tells.
  place: { pid: "a number", netns: "text" },
  aliases: ["text"],
  labels: "an object",
};

const changeShape: ShapeOf<ChangeOptions> = {
  dryRun: "yes or no",
  onPlan: "a function",
  signal: "an object",
  onWarning: "a function",
};

/**
 * Requests come from JavaScript, too, whose compiler doesn't know the types: a misspelt key would be ignored, and a wrong value
 * fail somewhere inside.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function checkNetworkRequest(request: NetworkRequest): void {
  check("the network", request, networkShape);
  require("the network", request, "name");
}

export function checkLoanRequest(request: LoanRequest): void {
  check("the loan", request, loanShape);
  if (request.holder === undefined) require("the loan without a holder", request, "subnet");
}

export function checkJoinRequest(request: NetworkJoinRequest): void {
  check("the network's join", request, joinShape);
  for (const key of ["id", "engine"]) require("the network's join", request, key);
}

export function checkSandboxRequest(request: SandboxRequest): void {
  check("the sandbox", request, sandboxShape);
  for (const network of request.networks ?? []) if (typeof network !== "string") checkEndpointRequest(network);
}

export function checkGuestRequest(request: GuestRequest): void {
  check("the guest", request, guestShape);
  for (const key of ["name", "place"]) require("the guest", request, key);
  checkPlace(request.place);
}

export function checkPlace(place: GuestRequest["place"]): void {
  check("the place", place, guestShape.place);
  if (["pid", "netns"].filter((key) => Reflect.get(place, key) !== undefined).length === 1) return;
  throw invalid("a place is a process or the path of a namespace", "Give it { pid: ... } or { netns: ... }.");
}

export function checkEndpointRequest(request: EndpointRequest): void {
  check("the endpoint", request, endpointShape);
  require("the endpoint", request, "network");
}

/** Of `connect(network, more)`, which may hold options of the change, too. */
export function checkEndpointDetails(more: Omit<EndpointRequest, "network"> & ChangeOptions): void {
  check("the endpoint", more, { ...endpointShape, ...changeShape });
}

/** @param further keys that this call has beside those of every change */
export function checkChange(options: ChangeOptions, further: ObjectShape = {}): void {
  check("the change", options, { ...changeShape, ...further });
}

/** A name, id or prefix of one. */
export function checkReference(what: string, reference: string): void {
  check(what, reference, "text");
}

function require(what: string, request: object, key: string): void {
  if (Reflect.get(request, key) !== undefined) return;
  throw invalid(`${what} has no '${key}'`, `Give it one: { ${key}: ... }`);
}

function check(what: string, value: unknown, shape: Shape): void {
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) throw mismatch(what, value, "a list");
    const [each] = shape as readonly Shape[];
    if (each !== undefined) for (const [index, one] of value.entries()) check(`entry ${index} of ${what}`, one, each);
  } else if (typeof shape === "object") {
    checkObject(what, value, shape as ObjectShape);
  } else if (!fits[shape](value)) {
    throw mismatch(what, value, shape);
  }
}

function checkObject(what: string, value: unknown, shape: ObjectShape): void {
  if (!fits["an object"](value)) throw mismatch(what, value, "an object");
  for (const key in value as object) {
    const wanted = shape[key];
    if (wanted === undefined) {
      const known = Object.keys(shape);
      throw invalid(`${what} has no '${key}'`, didYouMean(key, known, `It has ${known.join(", ")}.`));
    }
    const found: unknown = Reflect.get(value as object, key);
    if (found !== undefined) check(`${key} of ${what}`, found, wanted);
  }
}

const fits = {
  text: (value: unknown) => typeof value === "string",
  "yes or no": (value: unknown) => typeof value === "boolean",
  "a number": (value: unknown) => typeof value === "number",
  "an object": (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value),
  "a function": (value: unknown) => typeof value === "function",
} as const;

function mismatch(what: string, value: unknown, wanted: string): NetkitError {
  const shown = JSON.stringify(value) as string | undefined;
  return invalid(
    `${what} is ${wanted}, not ${(shown ?? typeof value).slice(0, 100)}`,
    "See the types in the README of @netkit/engine.",
  );
}

function invalid(message: string, hint: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", message, { hint });
}
