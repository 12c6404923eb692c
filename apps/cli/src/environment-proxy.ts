import { CommandError, EXIT } from "./exit.ts";

/** This machine is never asked for by way of a proxy, which would ask its own. */
const LOCAL = "localhost,127.0.0.1,[::1]";

/**
 * Sends what this process fetches through the proxy that `HTTPS_PROXY` and `HTTP_PROXY` name, but for the hosts of
 * `NO_PROXY`, as curl and pip do; Node's fetch does not by itself. TLS still ends at the server that was named.
 * @throws {CommandError} naming the variable that is no address; status 2
 */
export async function followProxyEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): Promise<void> {
  const read = (name: string): string | undefined => {
    const variable = [name.toLowerCase(), name].find((one) => (env[one] ?? "") !== "");
    const value = variable && env[variable];
    if (value === undefined || name === "NO_PROXY") return value;
    const { protocol = "" } = URL.canParse(value) ? new URL(value) : {};
    // The value is not repeated: it may hold a password.
    if (!/^https?:$/.test(protocol)) throw new CommandError(`${variable}: is no proxy's address, such as http://host:3128`, EXIT.usage);
    return value;
  };
  const [httpsProxy, httpProxy, noProxy] = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"].map(read);
  if (httpsProxy === undefined && httpProxy === undefined) return;
  const { EnvHttpProxyAgent, setGlobalDispatcher } = await import("undici");
  setGlobalDispatcher(
    new EnvHttpProxyAgent({
      ...(httpProxy !== undefined && { httpProxy }),
      ...(httpsProxy !== undefined && { httpsProxy }),
      noProxy: noProxy === undefined ? LOCAL : `${noProxy},${LOCAL}`,
    }),
  );
}
