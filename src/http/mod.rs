//! /metrics /healthz /readyz /api; never locks the controller.
