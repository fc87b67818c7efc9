import { wrongOption } from "../base/options.ts";
import type { EventDefinition } from "./event.ts";
import type { HttpStreamSink, Sink } from "./sink.ts";

/** Carries events to those who listen. What is said of it counts until `setup` has returned. */
export interface Channel {
  readonly name: string;
  /** Says what it carries: nothing else that is published to it is taken. Default: everything. */
  events(definitions: readonly EventDefinition[]): Channel;
  /** Adds a sink. */
  sink(sink: Sink | HttpStreamSink): Channel;
  /** Its sinks, in the place of those it has. */
  sinks(sinks: readonly (Sink | HttpStreamSink)[]): Channel;
}

export interface ChannelOptions {
  /**
   * Events that may wait for one agent, or one sink, of one run, besides the one it is at. While there are so many,
   * `emit` waits. Default 16.
   */
  readonly capacity?: number;
}

const CAPACITY = 16;

export class ConfiguredChannel implements Channel {
  readonly name: string;
  readonly capacity: number;
  carries: readonly EventDefinition[] | undefined;
  sinkList: readonly (Sink | HttpStreamSink)[] = [];

  /** @throws SluiceError `option/invalid` */
  constructor(name: string, { capacity = CAPACITY }: ChannelOptions = {}) {
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
      throw wrongOption("name", `A channel's name is kebab-case: ${name}`);
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw wrongOption("capacity", "capacity is a whole number from 1 on.");
    this.name = name;
    this.capacity = capacity;
  }

  events(definitions: readonly EventDefinition[]): this {
    this.carries = definitions;
    return this;
  }

  sink(sink: Sink | HttpStreamSink): this {
    this.sinkList = [...this.sinkList, sink];
    return this;
  }

  sinks(sinks: readonly (Sink | HttpStreamSink)[]): this {
    this.sinkList = sinks;
    return this;
  }
}
