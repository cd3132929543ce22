/**
 * The Linux resource kinds of netkit: made, changed, removed, read, compared and written as shell commands.
 *
 * @packageDocumentation
 */
export { announce, type Announcement } from "./announce.ts";
export { Announcer } from "./announcer.ts";
export { echo, type EchoOptions, type EchoRequest, type EchoResult } from "./echo.ts";
export { execute, groupRuns, type ExecuteOptions, type Run } from "./execute.ts";
export { kernelHandler } from "./handler.ts";
export { readFacts, readHostRoutes, type HostRoute } from "./facts.ts";
export { firstPortInUse, type HostPort, type HostPorts } from "./host-port.ts";
export { openSockets, refuseSharing, type SocketRequest } from "./sockets.ts";
