import "reflect-metadata";
import { existsSync } from "node:fs";
import { Logger } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { AppModule } from "./app.module.ts";
import { createOwners } from "./owners.ts";

// What is set outside beats the file.
if (existsSync(".env")) process.loadEnvFile(".env");

// Sluice reads bodies itself: up to 1 MiB, and JSON that is labelled as text too.
const app = await NestFactory.create(AppModule, { bodyParser: false });
app.enableShutdownHooks();
await app.listen(process.env["PORT"] ?? 3000, createOwners(process.env["GRAPH_API_KEYS"]).host);
Logger.log(`Listening at ${await app.getUrl()}`, "Main");
