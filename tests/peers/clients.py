"""Netmiko against one simulated device: what it gets, as one JSON object.

usage: clients.py ADDRESS PORT USER PASSWORD INTERFACE
"""

import json
import sys

import netmiko

address, port, user, password, interface = sys.argv[1:]
connection = netmiko.ConnectHandler(
    device_type="cisco_ios",
    host=address,
    port=int(port),
    username=user,
    password=password,
    secret=password,
)
seen = {"prompt": connection.find_prompt()}
seen["version"] = connection.send_command("show version")
seen["before"] = connection.send_command("show running-config")
seen["config"] = connection.send_config_set(
    [f"interface {interface}", "description by netmiko"], error_pattern=r"% "
)
seen["in_config_mode"] = connection.check_config_mode()
try:
    connection.send_config_set(["frobnicate 7"], error_pattern=r"% ?(Unknown|Invalid)")
    seen["refused"] = False
except netmiko.exceptions.ConfigInvalidException:
    seen["refused"] = True
    connection.exit_config_mode()
if interface == "lo":  # vtysh knows the long form only
    seen["saved"] = connection.send_command("write memory")
else:
    seen["saved"] = connection.save_config()
seen["after"] = connection.send_command("show running-config")
connection.disconnect()
json.dump(seen, sys.stdout)
