import {
  familyOf,
  metricOf,
  parseCidr,
  prefixLengthOf,
  routeProtocol,
  subnetOf,
  type RouteResource,
} from "@netkit/core";
import { delRoute, newRoute, replaceRoute, RT_TABLE_MAIN, type ListedRoute, type Route } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing, type Fields } from "../reading.ts";
import { pair, type Shell, type Word } from "../shell.ts";
import { GONE } from "../transaction.ts";
import type { View } from "../view.ts";

function routeOf({ destination, type, via, metric, table, source, onlink }: RouteResource, ifindex?: number): Route {
  return {
    destination,
    protocol: routeProtocol,
    ...(type === undefined ? {} : { type }),
    ...(via === undefined ? {} : { gateway: via }),
    ...(ifindex === undefined ? {} : { ifindex }),
    ...(metric === undefined ? {} : { metric }),
    ...(table === undefined ? {} : { table }),
    ...(source === undefined ? {} : { preferredSource: source }),
    ...(onlink === undefined ? {} : { onlink }),
  };
}

export const route: Kind<RouteResource> = {
  create(tx, resource) {
    const { ns, link } = resource;
    const ifindex = link === undefined ? undefined : tx.ifindex(ns, link);
    tx.send(ns, newRoute(routeOf(resource, ifindex)), { done: "created" });
  },
  change(tx, resource, previous, alias) {
    const found = matching(tx.look(), previous);
    // Nothing to change: ours is gone, or a stranger's is in its place, which making it anew finds out.
    if (found.length !== 1 || found[0]?.protocol !== routeProtocol) return false;
    const { ns, link } = resource;
    const wanted = routeOf(resource, link === undefined ? undefined : tx.ifindex(ns, link));
    tx.changed((undo) => route.change?.(undo, previous, resource, alias));
    if (familyOf(resource.destination) === "ipv6") {
      // Replacing would leave the kernel the choice between several routes with one metric.
      const { destination, table } = wanted;
      tx.send(ns, delRoute({ destination, ...(table === undefined ? {} : { table }), metric: metricOf(resource) }));
      tx.send(ns, newRoute(wanted));
    } else tx.send(ns, replaceRoute(wanted));
    return true;
  },
  remove(tx, resource) {
    const { ns, link } = resource;
    const ifindex = link === undefined ? undefined : tx.findIfindex(ns, link);
    if (link !== undefined && ifindex === undefined) return;
    // `onlink` is no part of what the kernel looks a route up by.
    const { onlink: _, ...which } = routeOf(exactly(resource), ifindex);
    tx.send(ns, delRoute(which), { done: "removed", ignore: GONE });
  },
  read(view, resource) {
    const readings = matching(view, resource).map((one) => compare(fields(view, resource, one)));
    const absent = isOutOfReach(view, resource) ? ({ state: "same" } as const) : missing;
    return readings.find(({ state }) => state === "same") ?? readings[0] ?? absent;
  },
  createCommands: (shell, resource) => [render(shell, "add", resource)],
  removeCommands: (shell, resource) => [render(shell, "delete", exactly(resource))],
};

/** For what goes: in IPv6 a route without a metric would be the first of any metric. */
function exactly(resource: RouteResource): RouteResource {
  return familyOf(resource.destination) === "ipv6" ? { ...resource, metric: metricOf(resource) } : resource;
}

/** The routes of this key: one, unless somebody has added others beside it. */
function matching(view: View, resource: RouteResource): ListedRoute[] {
  const { ns, destination, table = RT_TABLE_MAIN } = resource;
  const metric = metricOf(resource);
  return view
    .routes(ns, familyOf(destination), table)
    .filter((one) => one.destination === destination && (one.metric ?? 0) === metric);
}

/** The interface that it led by has gone, and it with that. */
function isOutOfReach(view: View, { ns, via, link }: RouteResource): boolean {
  if (via === undefined || link !== undefined) return false;
  return !view
    .routes(ns, familyOf(via), RT_TABLE_MAIN)
    .some(
      ({ destination, gateway, type }) =>
        gateway === undefined &&
        type === "unicast" &&
        subnetOf(parseCidr(`${via}/${prefixLengthOf(parseCidr(destination))}`)) === destination,
    );
}

function fields(view: View, resource: RouteResource, found: ListedRoute): Fields {
  const { ns, type, via, link, source, onlink } = resource;
  return {
    protocol: [routeProtocol, found.protocol],
    type: [type ?? "unicast", found.type],
    via: [via ?? null, found.gateway ?? null],
    link: [link, view.linkName(ns, found.ifindex)],
    source: [source, found.preferredSource],
    onlink: [onlink === true ? true : undefined, found.onlink],
  };
}

function render(shell: Shell, verb: string, resource: RouteResource): string {
  const { ns, destination, type, via, link, metric, table, source, onlink } = resource;
  const family: Word[] = familyOf(destination) === "ipv6" ? ["-6"] : [];
  return shell.ip(
    ns,
    [...family, "route", verb, type, destination, ...pair("via", via), ...pair("dev", link)],
    ["proto", routeProtocol, ...pair("metric", metric), ...pair("table", table), ...pair("src", source)],
    onlink === true ? "onlink" : undefined,
  );
}
