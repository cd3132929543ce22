import { readFileSync } from "node:fs";
import { NetkitError } from "@netkit/core";

export interface EtcdStoreOptions {
  /** As etcdctl takes them: `127.0.0.1:2379`, `http://a:2379`, `https://b:2379`. The next is tried when one is away. */
  readonly endpoints: readonly string[];
  /** What all keys begin with. Default `netkit/v1/`. */
  readonly prefix?: string;
  /** Files in PEM, as etcdctl takes them: the authorities that may have signed the servers' certificates (default: the system's)... */
  readonly cacert?: string;
  /** ...and what this client shows of itself. */
  readonly cert?: string;
  readonly key?: string;
  readonly user?: { readonly name: string; readonly password: string };
  /** How long a call may take before it fails, all endpoints together. Default 5,000. */
  readonly timeoutMs?: number;
}

/** Environment variables by name, as `process.env`. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The options in a URL such as `etcd://user:password@h1:2379,h2:2379/netkit/v1/?cacert=/etc/etcd/ca.pem`; `cert`, `key` and
 * `timeout-ms` may follow, and `etcds:` asks for TLS without naming a file. What the URL leaves out is taken from etcdctl's
 * variables: ETCDCTL_ENDPOINTS (for `etcd:///`), _CACERT, _CERT, _KEY, _USER and _PASSWORD.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseEtcdUrl(url: string, environment: Environment = process.env): EtcdStoreOptions {
  const parts = /^(etcds?):\/\/(?:([^@/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  if (parts === null) throw invalid(`the store ${JSON.stringify(withoutPassword(url))} is no etcd URL`);
  const [, scheme, login, hosts = "", path = "", query] = parts;
  const given = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(given).find((name) => !["cacert", "cert", "key", "timeout-ms"].includes(name));
  if (unknown !== undefined) throw invalid(`an etcd URL has no parameter ${JSON.stringify(unknown)}`);
  const { ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY, ETCDCTL_ENDPOINTS = "" } = environment;
  const { cacert = ETCDCTL_CACERT, cert = ETCDCTL_CERT, key = ETCDCTL_KEY } = given;
  const timeoutMs = given["timeout-ms"];
  const tls = scheme === "etcds" || (cacert ?? cert ?? key) !== undefined;
  const user = userOf(login === undefined ? undefined : decodeURIComponent(login), environment);
  return {
    endpoints: (hosts === "" ? ETCDCTL_ENDPOINTS : hosts)
      .split(",")
      .filter((host) => host !== "")
      .map((host) => (host.includes("://") ? host : `${tls ? "https" : "http"}://${host}`)),
    ...(path === "" ? {} : { prefix: folderOf(decodeURIComponent(path)) }),
    ...(cacert === undefined ? {} : { cacert }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(user === undefined ? {} : { user }),
    ...(timeoutMs === undefined ? {} : { timeoutMs: Number(timeoutMs) }),
  };
}

/** `name:password`, or the password apart, as with etcdctl's `--user` and `--password`. */
function userOf(login: string | undefined, environment: Environment): EtcdStoreOptions["user"] {
  const given = login ?? environment["ETCDCTL_USER"];
  if (given === undefined || given === "") return undefined;
  const [, name = "", password] = /^([^:]*)(?::(.*))?$/s.exec(given) ?? [];
  return { name, password: password ?? environment["ETCDCTL_PASSWORD"] ?? "" };
}

/** Passwords don't belong into messages. */
function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]*@/, ":...@");
}

/** What begins so is a folder's, not all whose name begins so: `netkit` isn't `netkit2/`. */
function folderOf(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

/** The options, complete and checked. */
export interface Settings {
  /** `http://host:port` or `https://host:port`, at least one. */
  readonly endpoints: readonly [string, ...string[]];
  readonly prefix: string;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Where that is from. */
  readonly files: Readonly<Record<"cacert" | "cert" | "key", string | undefined>>;
  readonly user: EtcdStoreOptions["user"];
  readonly timeoutMs: number;
}

/** @throws NetkitError ARGUMENT_INVALID */
export function settingsOf(options: EtcdStoreOptions): Settings {
  const { prefix = "netkit/v1/", cacert, cert, key, user, timeoutMs = 5_000 } = options;
  if (!/^[\x20-\x7e]+$/.test(prefix)) throw invalid(`${JSON.stringify(prefix)} can't be what keys begin with`);
  if (!(timeoutMs > 0)) throw invalid(`a call can't have ${timeoutMs} ms`);
  if ((cert === undefined) !== (key === undefined))
    throw invalid("a client certificate needs its key, and a key its certificate");
  const tls = {
    ...(cacert === undefined ? {} : { ca: fileOf(cacert) }),
    ...(cert === undefined ? {} : { cert: fileOf(cert) }),
    ...(key === undefined ? {} : { key: fileOf(key) }),
  };
  const [first, ...others] = options.endpoints.map((endpoint) => endpointOf(endpoint, Object.keys(tls).length > 0));
  if (first === undefined) throw invalid("a store on etcd needs an endpoint");
  return { endpoints: [first, ...others], prefix, tls, files: { cacert, cert, key }, user, timeoutMs };
}

function endpointOf(endpoint: string, tls: boolean): string {
  const text = endpoint.includes("://") ? endpoint : `${tls ? "https" : "http"}://${endpoint}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "" || url.pathname !== "/") {
    throw invalid(`${JSON.stringify(endpoint)} is no endpoint of etcd`);
  }
  return `${url.protocol}//${url.hostname}:${url.port === "" ? "2379" : url.port}`;
}

function fileOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new NetkitError("ARGUMENT_INVALID", `${path} can't be read: ${(error as Error).message}`, {
      hint: "Name a file in PEM that this user can read.",
      details: { path },
      cause: error,
    });
  }
}

function invalid(message: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", message, {
    hint: "Endpoints are host:port; a URL is etcd://host:port,host:port/prefix/?cacert=FILE&cert=FILE&key=FILE.",
  });
}
