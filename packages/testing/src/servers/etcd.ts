import { execFileSync } from "node:child_process";
import { Server, type ServerPlace } from "./server.ts";
import { findProgram } from "./program.ts";

export interface EtcdOptions {
  /** Where it listens. Default 127.0.0.1. */
  readonly address?: string;
  /** On which port it serves clients; the next one is for its peers. Default 2379. */
  readonly port?: number;
  /** Files; with them it speaks TLS, and asks clients for a certificate of the same authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The ports of all members of its cluster. Default: itself alone. */
  readonly cluster?: readonly number[];
  readonly more?: readonly string[];
}

/** The server of etcd, and etcdctl, if this machine has both. */
export const etcdPrograms: { readonly etcd: string; readonly etcdctl: string } | undefined = programs();

function programs(): typeof etcdPrograms {
  const [etcd, etcdctl] = [findProgram("etcd"), findProgram("etcdctl")];
  return etcd === undefined || etcdctl === undefined ? undefined : { etcd, etcdctl };
}

function peer(address: string, port: number): string {
  return `http://${address}:${port + 1}`;
}

/** A member of etcd that isn't started yet, on this machine unless there is a `place`. */
export function etcdServer(
  { address = "127.0.0.1", port = 2379, tls, cluster = [port], more = [] }: EtcdOptions = {},
  place?: ServerPlace,
): Server {
  if (place === undefined && etcdPrograms === undefined) throw new Error("this machine has no etcd: npm run setup");
  const client = `${tls === undefined ? "http" : "https"}://${address}:${port}`;
  const words = {
    name: `m${port}`,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer(address, port),
    "initial-advertise-peer-urls": peer(address, port),
    "initial-cluster": cluster.map((member) => `m${member}=${peer(address, member)}`).join(","),
    logger: "zap",
    ...(tls === undefined ? {} : { "cert-file": tls.cert, "key-file": tls.key, "trusted-ca-file": tls.ca }),
  };
  return new Server(
    {
      program: "etcd",
      argv: (directory) => [
        ...Object.entries({ "data-dir": directory, ...words }).map(([name, value]) => `--${name}=${value}`),
        ...(tls === undefined ? [] : ["--client-cert-auth"]),
        ...more,
      ],
      ready: /serving (insecure )?client (requests|traffic)/,
    },
    place,
  );
}

/** What etcdctl prints. */
export function etcdctl(words: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  if (etcdPrograms === undefined) throw new Error("this machine has no etcdctl: npm run setup");
  const env = { ...process.env, ETCDCTL_API: "3", ...environment };
  return execFileSync(etcdPrograms.etcdctl, words, { encoding: "utf8", env, stdio: ["ignore", "pipe", "pipe"] });
}
