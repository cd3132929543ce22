import type { Space } from "@netkit/conformance/lab";

/** What a server of etcd has done since it started (etcd.io, "Monitoring etcd"). */
export interface EtcdLoad {
  /** Calls and streams of clients that it was asked for, by the method's name: `Txn`, `Watch`, `LeaseKeepAlive`. */
  readonly calls: Readonly<Record<string, number>>;
  /** Watches that there are at this moment. */
  readonly watchers: number;
  /** Bytes of messages, without their headers. */
  readonly received: number;
  readonly sent: number;
  readonly cpuSeconds: number;
  /** What it has in memory at this moment, in bytes. */
  readonly rss: number;
}

const get = "process.stdout.write(await (await fetch(process.argv[1])).text())";

/** Asks the server from where it can be reached. */
export async function etcdLoad(space: Pick<Space, "exec">, address: string): Promise<EtcdLoad> {
  const words = ["--input-type=module", "--eval", get, `http://${address}:2379/metrics`];
  const text = await space.exec([process.execPath, ...words]);
  const calls: Record<string, number> = {};
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name = "", labels = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    values.set(name, Number(value));
    const method = /grpc_method="(\w+)"/.exec(labels)?.[1];
    if (name === "grpc_server_started_total" && method !== undefined && Number(value) > 0)
      calls[method] = Number(value);
  }
  const valueOf = (name: string): number => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`etcd doesn't tell its ${name}`);
    return value;
  };
  return {
    calls,
    watchers: valueOf("etcd_debugging_mvcc_watcher_total"),
    received: valueOf("etcd_network_client_grpc_received_bytes_total"),
    sent: valueOf("etcd_network_client_grpc_sent_bytes_total"),
    cpuSeconds: valueOf("process_cpu_seconds_total"),
    rss: valueOf("process_resident_memory_bytes"),
  };
}

/** What came in between, of what counts up. */
export function callsBetween(before: EtcdLoad, after: EtcdLoad): Record<string, number> {
  const entries = Object.entries(after.calls).map(([name, count]): [string, number] => [
    name,
    count - (before.calls[name] ?? 0),
  ]);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}
