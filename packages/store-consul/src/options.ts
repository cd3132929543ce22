import { readFileSync } from "node:fs";
import { NetkitError } from "@netkit/core";

export interface ConsulStoreOptions {
  /** Agents, as the consul command takes them: `127.0.0.1:8500`, `https://b:8501`. The next is tried when one is away. */
  readonly addresses: readonly string[];
  /** What all keys begin with. Default `netkit/v1/`. */
  readonly prefix?: string;
  /** Files in PEM: the authorities that may have signed the agents' certificates (default: the system's)... */
  readonly cacert?: string;
  /** ...and what this client shows of itself. */
  readonly cert?: string;
  readonly key?: string;
  /** The name in the agents' certificates, where it isn't that of the address. */
  readonly serverName?: string;
  /** Of an ACL. */
  readonly token?: string;
  /** Default: that of the agent. */
  readonly datacenter?: string;
  /** How long a call may take before it fails, all addresses together. Default 5,000. */
  readonly timeoutMs?: number;
}

/** Environment variables by name, as `process.env`. */
type Environment = Readonly<Record<string, string | undefined>>;

const parameters = ["cacert", "cert", "key", "server-name", "token", "dc", "timeout-ms"];

/**
 * The options in a URL such as `consul://127.0.0.1:8500/netkit/v1/?token=...`; `dc`, `cacert`, `cert`, `key`, `server-name` and
 * `timeout-ms` may follow, and `consuls:` asks for TLS without naming a file. What the URL leaves out is taken from the consul
 * command's variables: CONSUL_HTTP_ADDR (for `consul:///`), CONSUL_HTTP_SSL, CONSUL_HTTP_TOKEN, CONSUL_HTTP_TOKEN_FILE,
 * CONSUL_CACERT, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY and CONSUL_TLS_SERVER_NAME.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseConsulUrl(url: string, environment: Environment = process.env): ConsulStoreOptions {
  const parts = /^(consuls?):\/\/([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  // Its parameters may hold a token.
  if (parts === null) throw invalid(`the store ${JSON.stringify(url.replace(/\?.*$/, "?..."))} is no Consul URL`);
  const [, scheme, hosts = "", path = "", query] = parts;
  const given = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(given).find((name) => !parameters.includes(name));
  if (unknown !== undefined) throw invalid(`a Consul URL has no parameter ${JSON.stringify(unknown)}`);
  const { CONSUL_HTTP_ADDR = "127.0.0.1:8500", CONSUL_HTTP_SSL, CONSUL_HTTP_TOKEN_FILE: tokenFile } = environment;
  const options = {
    cacert: given["cacert"] ?? environment["CONSUL_CACERT"],
    cert: given["cert"] ?? environment["CONSUL_CLIENT_CERT"],
    key: given["key"] ?? environment["CONSUL_CLIENT_KEY"],
    serverName: given["server-name"] ?? environment["CONSUL_TLS_SERVER_NAME"],
    token:
      given["token"] ??
      environment["CONSUL_HTTP_TOKEN"] ??
      (tokenFile === undefined ? undefined : fileOf(tokenFile).toString().trim()),
    datacenter: given["dc"],
    prefix: path === "" ? undefined : folderOf(decodeURIComponent(path)),
    timeoutMs: given["timeout-ms"] === undefined ? undefined : Number(given["timeout-ms"]),
  };
  const files = (options.cacert ?? options.cert ?? options.key) !== undefined;
  const tls = scheme === "consuls" || files || /^(1|true)$/i.test(CONSUL_HTTP_SSL ?? "");
  const addresses = (hosts === "" ? CONSUL_HTTP_ADDR : hosts).split(",").filter((host) => host !== "");
  const known = Object.entries(options).filter(([, value]) => value !== undefined);
  return {
    addresses: addresses.map((host) => (host.includes("://") ? host : `${tls ? "https" : "http"}://${host}`)),
    ...Object.fromEntries(known),
  };
}

/** What begins so is a folder's, not all whose name begins so: `netkit` isn't `netkit2/`. */
function folderOf(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

/** The options, complete and checked. */
export interface Settings {
  /** `http://host:port` or `https://host:port`, at least one. */
  readonly addresses: readonly [string, ...string[]];
  readonly prefix: string;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer; readonly servername?: string };
  /** Where that is from. */
  readonly files: Readonly<Record<"cacert" | "cert" | "key", string | undefined>>;
  readonly token: string | undefined;
  readonly datacenter: string | undefined;
  readonly timeoutMs: number;
}

/** @throws NetkitError ARGUMENT_INVALID */
export function settingsOf(options: ConsulStoreOptions): Settings {
  const { prefix = "netkit/v1/", cacert, cert, key, serverName, token, datacenter, timeoutMs = 5_000 } = options;
  if (!/^[\x20-\x7e]+$/.test(prefix)) throw invalid(`${JSON.stringify(prefix)} can't be what keys begin with`);
  if (prefix !== pathOf(prefix))
    throw invalid(`${JSON.stringify(prefix)} can't be what keys begin with: Consul shortens it`);
  if (!(timeoutMs > 0)) throw invalid(`a call can't have ${timeoutMs} ms`);
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid("a client certificate needs its key, and a key its certificate");
  }
  const tls = {
    ...(cacert === undefined ? {} : { ca: fileOf(cacert) }),
    ...(cert === undefined ? {} : { cert: fileOf(cert) }),
    ...(key === undefined ? {} : { key: fileOf(key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  const [first, ...others] = options.addresses.map((address) => addressOf(address, Object.keys(tls).length > 0));
  if (first === undefined) throw invalid("a store on Consul needs an address");
  return { addresses: [first, ...others], prefix, tls, files: { cacert, cert, key }, token, datacenter, timeoutMs };
}

/**
 * The longest beginning of a key that can be a URL's path: Consul's HTTP server takes out empty segments, `.` and `..`.
 */
export function pathOf(key: string): string {
  const odd = key.search(/(^|\/)[/.]/);
  return odd === -1 ? key : key.slice(0, odd);
}

function addressOf(address: string, tls: boolean): string {
  const text = address.includes("://") ? address : `${tls ? "https" : "http"}://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "" || url.pathname !== "/") {
    throw invalid(`${JSON.stringify(address)} is no address of a Consul agent`);
  }
  const port = url.port === "" ? (url.protocol === "https:" ? "8501" : "8500") : url.port;
  return `${url.protocol}//${url.hostname}:${port}`;
}

function fileOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new NetkitError("ARGUMENT_INVALID", `${path} can't be read: ${(error as Error).message}`, {
      hint: "Name a file that this user can read.",
      details: { path },
      cause: error,
    });
  }
}

function invalid(message: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", message, {
    hint: "Addresses are host:port; a URL is consul://host:port/prefix/?token=TOKEN&cacert=FILE&cert=FILE&key=FILE.",
  });
}
