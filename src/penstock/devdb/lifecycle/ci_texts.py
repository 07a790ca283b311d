"""The pipelines as text. `ci.py` fills in `@NAME@`, `@DATABASE@` and `@VERSION@` where they stand, and each of `PARTS` line by
line, with what stands before its mark: the commands are the same for all services, and stand here once."""

from collections.abc import Mapping

PARTS: Mapping[str, str] = {
    "UNPUBLISHED": """\
Penstock @VERSION@ is on no public package index yet: have the line that installs it point to an index of yours, a wheel or a
checkout of its repository.""",
    "CHECK": """\
penstock masks check --for @NAME@
penstock dev drift @NAME@""",
    "NIGHTLY": """\
penstock dev reset @NAME@ --due --yes
penstock dev drop @NAME@ --expired --yes""",
    "BY_HAND": """\
case "$ACTION" in
    template) penstock dev refresh @NAME@ --template ;;
    create) penstock dev create @NAME@ ;;
    reset) penstock dev reset @NAME@ --yes ;;
    drop) penstock dev drop @NAME@ --yes ;;
esac""",
    "SETUP": """\
- uses: actions/checkout@v4
- uses: actions/setup-python@v5
  with:
    python-version: "3.12"
- name: install
  run: pip install "penstock[embedded]==@VERSION@\"""",
}

GITHUB = """\
# Written by `penstock dev ci @NAME@ --on github`; yours to change.
# @UNPUBLISHED@
# The runner has to reach both servers. Set the secrets below in the repository's settings; changes from forks get none.
name: penstock @NAME@

"on":
  pull_request:
    types: [opened, reopened, synchronize, closed]
  schedule:
    - cron: "17 3 * * *"
  workflow_dispatch:
    inputs:
      action:
        description: What to do with @DATABASE@
        type: choice
        options: [template, create, reset, drop]

permissions:
  contents: read

concurrency:
  group: penstock-@NAME@-${{ github.event.number || 'main' }}
  cancel-in-progress: false

env:
  REVIEW_DATABASE: @DATABASE@_pr_${{ github.event.number }}
  @SECRETS@

jobs:
  check:
    if: github.event_name == 'schedule' || (github.event_name == 'pull_request' && github.event.action != 'closed')
    runs-on: self-hosted
    steps:
      @SETUP@
      - name: every column is decided
        run: penstock masks check --for @NAME@
      - name: production's schema is what the copy was made from
        run: penstock dev drift @NAME@

  reset:
    if: github.event_name == 'schedule'
    runs-on: self-hosted
    steps:
      @SETUP@
      - name: reset what is due
        run: penstock dev reset @NAME@ --due --yes
      - name: drop what has expired
        run: penstock dev drop @NAME@ --expired --yes

  open-review:
    if: github.event_name == 'pull_request' && (github.event.action == 'opened' || github.event.action == 'reopened')
    runs-on: self-hosted
    steps:
      @SETUP@
      - name: a database for this change
        run: penstock dev create @NAME@ --from-template --database "$REVIEW_DATABASE"

  close-review:
    if: github.event_name == 'pull_request' && github.event.action == 'closed'
    runs-on: self-hosted
    steps:
      @SETUP@
      - name: destroy the database of this change
        run: penstock dev drop @NAME@ --database "$REVIEW_DATABASE" --yes

  by-hand:
    if: github.event_name == 'workflow_dispatch'
    runs-on: self-hosted
    env:
      ACTION: ${{ inputs.action }}
    steps:
      @SETUP@
      - name: template, create, reset or drop
        run: |
          @BY_HAND@
"""

GITLAB = """\
# Written by `penstock dev ci @NAME@ --on gitlab`; yours to change. In .gitlab-ci.yml:
#
#   include: .gitlab/penstock-@NAME@.yml
#
# The runner (tag: penstock) has to reach both servers. Variables to set under Settings > CI/CD, masked and protected:
#
#   @SECRETS@
#
# @UNPUBLISHED@
#
# The nightly part needs a schedule under Build > Pipeline schedules, such as 17 3 * * *.

.penstock-@NAME@:
  image: python:3.12
  tags: [penstock]
  resource_group: penstock-@NAME@
  before_script:
    - pip install "penstock[embedded]==@VERSION@"

penstock-@NAME@-check:
  extends: .penstock-@NAME@
  stage: test
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event" || $CI_PIPELINE_SOURCE == "schedule"
  script:
    - @CHECK@

penstock-@NAME@-reset:
  extends: .penstock-@NAME@
  stage: deploy
  needs: []  # a drift fails the pipeline, and stops no reset that may end it
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
  script:
    - @NIGHTLY@

penstock-@NAME@-open-review:
  extends: .penstock-@NAME@
  stage: deploy
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      when: manual
      allow_failure: true
  environment:
    name: @NAME@/$CI_MERGE_REQUEST_IID
    on_stop: penstock-@NAME@-close-review
  script:
    - penstock dev create @NAME@ --from-template --database "@DATABASE@_mr_$CI_MERGE_REQUEST_IID"

penstock-@NAME@-close-review:
  extends: .penstock-@NAME@
  stage: deploy
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      when: manual
      allow_failure: true
  environment:
    name: @NAME@/$CI_MERGE_REQUEST_IID
    action: stop
  script:
    - penstock dev drop @NAME@ --database "@DATABASE@_mr_$CI_MERGE_REQUEST_IID" --yes

penstock-@NAME@-by-hand:
  extends: .penstock-@NAME@
  stage: deploy
  rules:
    - if: $CI_PIPELINE_SOURCE == "web"
      when: manual
  variables:
    ACTION: reset
  script:
    - |
      @BY_HAND@
"""

JENKINS = """\
// Written by `penstock dev ci @NAME@ --on jenkins`; yours to change.
// @UNPUBLISHED@
// The agent (label: penstock) has to reach both servers. The credentials below are "secret text" ones, of the same names.
pipeline {
    agent { label 'penstock' }

    options {
        disableConcurrentBuilds()
    }

    triggers {
        cron('17 3 * * *')
    }

    parameters {
        choice(
            name: 'ACTION',
            choices: ['nightly', 'template', 'create', 'reset', 'drop'],
            description: 'What to do with @DATABASE@'
        )
    }

    environment {
        @SECRETS@
    }

    stages {
        stage('install') {
            steps {
                sh 'python3 -m venv .venv-penstock && .venv-penstock/bin/pip install "penstock[embedded]==@VERSION@"'
            }
        }

        stage('check') {
            when { expression { params.ACTION == 'nightly' } }
            environment { PATH = "${WORKSPACE}/.venv-penstock/bin:${PATH}" }
            steps {
                // a drift fails the build, and stops no reset that may end it
                catchError(buildResult: 'FAILURE', stageResult: 'FAILURE') {
                    sh '''
                        @CHECK@
                    '''
                }
            }
        }

        stage('reset what is due') {
            when { expression { params.ACTION == 'nightly' } }
            environment { PATH = "${WORKSPACE}/.venv-penstock/bin:${PATH}" }
            steps {
                sh '''
                    @NIGHTLY@
                '''
            }
        }

        stage('by hand') {
            when { expression { params.ACTION != 'nightly' } }
            environment { PATH = "${WORKSPACE}/.venv-penstock/bin:${PATH}" }
            steps {
                sh '''
                    @BY_HAND@
                '''
            }
        }
    }
}
"""
