# The executable, alone in a distroless image.
FROM denoland/deno:2.9.6 AS build
WORKDIR /src
COPY deno.json deno.lock ./
COPY src src
COPY dev/compile.ts dev/compile.ts
RUN deno install --frozen && deno task compile && mkdir -p /state

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="pg-capture" \
  org.opencontainers.image.description="Streams PostgreSQL changes to Apache Kafka, exactly once" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /src/dist/pg-capture /usr/local/bin/pg-capture
COPY --from=build --chown=nonroot:nonroot /state /var/lib/pg-capture
ENV STATE_DIRECTORY=/var/lib/pg-capture METRICS_HOST=0.0.0.0 DENO_NO_UPDATE_CHECK=1
EXPOSE 9090
VOLUME /var/lib/pg-capture
USER nonroot
ENTRYPOINT ["/usr/local/bin/pg-capture"]
