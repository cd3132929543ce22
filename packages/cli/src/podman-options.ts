/** Where its files are: by default where Podman reads them. */
export const folderOptions = {
  "bin-dir": {
    value: "DIR",
    default: "/usr/local/libexec/netkit",
    summary: "Folder of the backend, its own",
    complete: "path",
  },
  "conf-dir": {
    value: "DIR",
    default: "/etc/containers/containers.conf.d",
    summary: "Folder of Podman's settings",
    complete: "path",
  },
} as const;
