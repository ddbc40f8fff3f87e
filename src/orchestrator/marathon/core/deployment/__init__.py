"""How a change of apps is carried out.

``plan`` turns a change into ordered steps of actions, ``rolling`` says for one app what to start
and what to stop next, ``deployer`` runs the steps of every deployment until it is done.
"""
