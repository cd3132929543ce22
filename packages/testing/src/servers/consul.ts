import { findProgram } from "./program.ts";
import { Server, type ServerPlace } from "./server.ts";

/** Consul, if this machine has it. */
export const consulProgram: string | undefined = findProgram("consul");

export interface ConsulOptions {
  /** Where it listens. Default 127.0.0.1. */
  readonly address?: string;
  /** On which port it serves HTTP, or HTTPS; those after it are for its other services. Default 8500. */
  readonly port?: number;
  /** Files; with them it speaks HTTPS alone, and asks clients for a certificate of the same authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The ports of all servers of its cluster. Default: itself alone. */
  readonly cluster?: readonly number[];
  /** More of its configuration, in HCL. */
  readonly more?: string;
}

/** A server of Consul that isn't started yet, on this machine unless there is a `place`. */
export function consulServer(
  { address = "127.0.0.1", port = 8500, tls, cluster = [port], more = "" }: ConsulOptions = {},
  place?: ServerPlace,
): Server {
  if (place === undefined && consulProgram === undefined) throw new Error("this machine has no consul: npm run setup");
  const [lan, rpc] = [port + 1, port + 2];
  const others = cluster.filter((other) => other !== port).map((other) => `"${address}:${other + 1}"`);
  const configuration = `
    node_name = "n${port}"
    ports { ${tls === undefined ? `http = ${port}` : `http = -1, https = ${port}`}, dns = -1, serf_lan = ${lan}, serf_wan = -1, server = ${rpc} }
    retry_join = [${others.join()}]
    retry_interval = "1s"
    performance { raft_multiplier = 1 }
    ${tls === undefined ? "" : `ca_file = "${tls.ca}", cert_file = "${tls.cert}", key_file = "${tls.key}", verify_incoming_https = true`}
    ${more}`;
  return new Server(
    {
      program: "consul",
      argv: (directory) => [
        ...`agent -server -bind=${address} -client=${address} -log-level=debug`.split(" "),
        `-bootstrap-expect=${cluster.length}`,
        `-data-dir=${directory}`,
        `-hcl=${configuration.replaceAll(", ", "\n")}`,
      ],
      // Then there is a leader, and sessions can be made on this node.
      ready: /agent: (Synced node info|Node info in sync)/,
    },
    place,
  );
}
