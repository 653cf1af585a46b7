import { Database } from '../../kit/src/postgres';
import { ToolFailure } from '../../kit/src/tool';

/** Most databases with open connections; of more, the one that was asked longest ago gives its connections back. */
const mostOpen = 10;

/** The databases of one PostgreSQL server, as far as this server may ask them; connections are made when they are needed. */
export class Databases {
  private readonly opened = new Map<string, Database>();

  constructor(
    private readonly open: (name: string) => Database,
    /** The one that is asked where none is named. */
    private readonly usual: string,
    /** Names of those that may be asked; undefined: all that the role may connect to. */
    readonly allowed: readonly string[] | undefined,
  ) {}

  /** Throws `ToolFailure` for one that may not be asked; whether it exists is found out by asking. */
  named(name = this.usual): Database {
    if (this.allowed?.includes(name) === false) {
      throw new ToolFailure(
        `This server does not ask the database ${JSON.stringify(name)}. It asks: ${this.allowed.join(', ')}.`,
      );
    }
    const known = this.opened.get(name);
    this.opened.delete(name);
    const database = known ?? this.open(name);
    this.opened.set(name, database);
    const [oldest] = this.opened.keys();
    if (this.opened.size > mostOpen && oldest !== undefined) {
      void this.opened.get(oldest)?.close();
      this.opened.delete(oldest);
    }
    return database;
  }

  async close(): Promise<void> {
    await Promise.all([...this.opened.values()].map((each) => each.close()));
  }
}
