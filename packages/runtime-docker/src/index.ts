/**
 * Docker's remote driver protocol: networks and addresses of netkit for Docker's containers.
 *
 * @packageDocumentation
 */
export { DockerApi, type Container } from "./docker-api.ts";
export { pluginFolder, serveDocker, type DockerOptions, type DockerServer } from "./serve.ts";
