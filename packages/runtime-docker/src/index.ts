/**
 * Docker's remote driver protocol: networks and addresses of netkit for Docker's containers.
 *
 * @packageDocumentation
 */
export { pluginFolder, serveDocker, type DockerOptions, type DockerServer } from "./serve.ts";
