import type { Stats } from "@netkit/dns";
import type { Status } from "./status.ts";

type Metric = readonly [name: string, type: "counter" | "gauge", help: string, value: number];

/** Prometheus' text format, version 0.0.4. */
export function metricsOf(status: Status, dns: Stats, events: number): string {
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const metrics: readonly Metric[] = [
    ["netkit_networks", "gauge", "Networks.", status.networks],
    ["netkit_sandboxes", "gauge", "Sandboxes.", status.sandboxes],
    ["netkit_endpoints", "gauge", "Endpoints.", status.endpoints],
    ["netkit_name_servers", "gauge", "Sandboxes in which names are served.", status.nameServers],
    ["netkit_reserved_ports", "gauge", "Host ports held by a socket.", status.reservedPorts],
    ["netkit_watched_processes", "gauge", "Processes whose end is waited for.", status.watchedProcesses],
    ["netkit_overlaps", "gauge", "Routes of the host that take addresses of a network.", status.overlaps],
    ["netkit_events_total", "counter", "Events since the agent started.", events],
    ["netkit_dns_queries_total", "counter", "Queries that came.", dns.queries],
    ["netkit_dns_local_answers_total", "counter", "Queries answered from the names of sandboxes.", dns.local],
    ["netkit_dns_cached_answers_total", "counter", "Queries answered from the cache.", dns.cached],
    ["netkit_dns_forwarded_total", "counter", "Queries sent on to other servers.", dns.forwarded],
    ["netkit_dns_failures_total", "counter", "Forwarded queries that no server answered.", dns.failed],
    ["netkit_dns_refused_total", "counter", "Queries refused for being too many at a time.", dns.overLimit],
    ["netkit_dns_dropped_total", "counter", "What was no DNS query.", dns.dropped],
    ["netkit_dns_forwarding", "gauge", "Forwarded queries under way.", dns.forwarding],
    ["netkit_dns_connections", "gauge", "Open TCP connections of name servers.", dns.connections],
    ["process_resident_memory_bytes", "gauge", "Resident memory.", rss],
    ["process_cpu_seconds_total", "counter", "CPU time, user and system.", (user + system) / 1e6],
    ["process_start_time_seconds", "gauge", "When the agent started.", Date.parse(status.started) / 1_000],
  ];
  return metrics
    .map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`)
    .join("");
}
