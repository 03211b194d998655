"""Judging other people's steps: audits and measured orders."""
